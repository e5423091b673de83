//! Owns: HTTP and WebSocket: routes, authorisation, errors.
//! Never knows: how players work.
