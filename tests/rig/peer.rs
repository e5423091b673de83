//! Owns: one WebSocket connection of a client: the server's side of voice gateway version 8.
//! Never knows: media.

use super::{
    Cmd, Mood, Rig,
    dave::{Out, Room},
    session::{Session, Transport, lock},
};
use anyhow::{Context, Result};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{
    Message,
    handshake::server::{Request, Response},
    protocol::{CloseFrame, frame::coding::CloseCode},
};

const INVALID: &str = "Session is no longer valid.";
const FOREVER: Duration = Duration::from_secs(3600);

type Ws =
    tokio_tungstenite::WebSocketStream<tokio_rustls::server::TlsStream<tokio::net::TcpStream>>;

struct Peer<'a> {
    rig: &'a Rig,
    ws: Ws,
    mood: Mood,
    session: Option<Arc<Session>>,
    commands: mpsc::UnboundedSender<Cmd>,
    answers_heartbeats: bool,
    /// The test said that this connection ends now, without a word.
    is_cut: bool,
}

fn numbered(op: u8, d: &Value, seq: u32) -> Message {
    Message::text(json!({ "op": op, "d": d, "seq": seq }).to_string())
}

fn binary(op: u8, body: &[u8], seq: u32) -> Message {
    Message::binary([&(seq as u16).to_be_bytes()[..], &[op], body].concat())
}

fn message(out: &Out, seq: u32) -> Message {
    let with_id = |id: &u16, body: &[u8]| [&id.to_be_bytes()[..], body].concat();
    match out {
        Out::ClientsConnect(ids) => {
            let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
            numbered(11, &json!({ "user_ids": ids }), seq)
        }
        Out::ClientDisconnect(id) => numbered(13, &json!({ "user_id": id.to_string() }), seq),
        Out::ExternalSender(b) => binary(25, b, seq),
        Out::Proposals(b) => binary(27, b, seq),
        Out::Commit(id, b) => binary(29, &with_id(id, b), seq),
        Out::Welcome(id, b) => binary(30, &with_id(id, b), seq),
        Out::Execute(id) => numbered(22, &json!({ "transition_id": id }), seq),
        Out::Prepare(id, v) => {
            let d = json!({ "transition_id": id, "protocol_version": v });
            numbered(21, &d, seq)
        }
        Out::PrepareEpoch(e, v) => numbered(24, &json!({ "epoch": e, "protocol_version": v }), seq),
    }
}

/// Numbers a message and puts it into the resume buffer.
fn record(session: &Session, make: impl FnOnce(u32) -> Message) -> Message {
    let seq = session.out_seq.fetch_add(1, Relaxed) + 1;
    let message = make(seq);
    let mut sent = lock(&session.sent);
    sent.push_back((seq, message.clone()));
    if sent.len() > 256 {
        sent.pop_front();
    }
    message
}

pub async fn serve(
    rig: &Rig,
    acceptor: tokio_rustls::TlsAcceptor,
    tcp: tokio::net::TcpStream,
) -> Result<()> {
    tcp.set_nodelay(true)?;
    let tls = acceptor.accept(tcp).await?;
    let mut is_v8 = false;
    #[expect(clippy::result_large_err, reason = "the library's signature")]
    let ws = tokio_tungstenite::accept_hdr_async(tls, |req: &Request, resp: Response| {
        is_v8 = req.uri().query() == Some("v=8");
        Ok(resp)
    })
    .await?;
    let (commands, mut inbox) = mpsc::unbounded_channel();
    let mood = *lock(&rig.mood);
    let mut peer = Peer {
        rig,
        ws,
        mood,
        session: None,
        commands,
        answers_heartbeats: true,
        is_cut: false,
    };
    if peer.mood == Mood::Silent {
        tokio::time::sleep(FOREVER).await;
    }
    if !is_v8 {
        peer.close(4012, "version").await;
        return Ok(());
    }
    rig.open.fetch_add(1, Relaxed);
    let result = peer.talk(&mut inbox).await;
    rig.open.fetch_sub(1, Relaxed);
    if let Some(session) = &peer.session {
        session.connections.fetch_sub(1, Relaxed);
        session.note("connection over");
    }
    result
}

impl Peer<'_> {
    async fn talk(&mut self, inbox: &mut mpsc::UnboundedReceiver<Cmd>) -> Result<()> {
        let hello = json!({ "v": 8, "heartbeat_interval": self.rig.cfg.heartbeat_ms });
        self.plain(8, &hello).await?;
        if self.mood == Mood::CloseEmptyAfterHello {
            self.ws.close(None).await?;
        }
        while !self.is_cut {
            tokio::select! {
                m = self.ws.next() => match m {
                    Some(m) => self.receive(m?).await?,
                    None => break,
                },
                Some(c) = inbox.recv() => self.obey(c).await?,
            }
        }
        Ok(())
    }

    async fn receive(&mut self, message: Message) -> Result<()> {
        match message {
            Message::Text(text) => {
                let v: Value = serde_json::from_str(&text)?;
                let op = v["op"].as_u64().context("op")? as u8;
                if let Some(s) = &self.session {
                    s.note(format!("<- {op} {}", v["d"]));
                }
                self.op(op, &v["d"]).await?;
                if let Mood::Refuse(code, after) = self.mood
                    && after == op
                {
                    self.close(code, "refused").await;
                }
            }
            Message::Binary(b) => {
                let Some(s) = self.session.clone() else {
                    return Ok(());
                };
                s.note(format!("<- binary {:?} ({} B)", b.first(), b.len()));
                let out = match (b.first(), lock(&s.dave).as_mut()) {
                    (Some(26), Some(r)) => r.on_key_package(&b[1..]),
                    (Some(28), Some(r)) => r.on_commit_welcome(&b[1..]),
                    _ => Ok(vec![]),
                };
                match out {
                    Ok(out) => self.dave(&s, out).await?,
                    Err(error) => s.note(format!("!! dave: {error:#}")),
                }
            }
            Message::Close(frame) => {
                if let (Some(s), Some(frame)) = (&self.session, frame) {
                    s.note(format!("<- close {frame:?}"));
                    s.closed_with.store(u16::from(frame.code).into(), Relaxed);
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn op(&mut self, op: u8, d: &Value) -> Result<()> {
        match op {
            0 => {
                if matches!(self.mood, Mood::Refuse(_, 0)) {
                    return Ok(());
                }
                let s = self.rig.create(d)?;
                self.rig.attach(&s, &self.commands);
                self.session = Some(s.clone());
                let to = self.rig.udp_addr;
                let ready = json!({"ssrc": s.ssrc, "ip": to.ip(), "port": to.port(),
                    "modes": self.rig.cfg.modes, "experiments": [], "streams": []});
                self.json(&s, 2, &ready).await?;
            }
            7 => self.resume(d).await?,
            1 => self.select(d).await?,
            3 => {
                if let Some(s) = &self.session {
                    s.heartbeats.fetch_add(1, Relaxed);
                }
                if self.answers_heartbeats {
                    self.plain(6, &json!({ "t": d["t"] })).await?;
                }
            }
            5 => {
                if let Some(s) = &self.session {
                    lock(&s.speaking).push(d["speaking"].as_u64().context("speaking")?);
                }
            }
            23 => {
                let Some(s) = self.session.clone() else {
                    return Ok(());
                };
                let id = d["transition_id"].as_u64().context("transition_id")? as u16;
                tokio::time::sleep(Duration::from_millis(self.rig.cfg.listener_lag_ms)).await;
                let out = lock(&s.dave).as_mut().map(|r| r.on_ready(id));
                self.dave(&s, out.unwrap_or_default()).await?;
            }
            31 => {
                let Some(s) = self.session.clone() else {
                    return Ok(());
                };
                let out = room(&s, |r| r.on_invalid(0));
                self.dave(&s, out).await?;
            }
            _ => {}
        }
        Ok(())
    }

    async fn resume(&mut self, d: &Value) -> Result<()> {
        let found = self.rig.find(d);
        let (Some(s), false) = (found, self.mood == Mood::RefuseResume) else {
            self.close(4006, INVALID).await;
            return Ok(());
        };
        s.resumed.fetch_add(1, Relaxed);
        self.rig.attach(&s, &self.commands);
        self.session = Some(s.clone());
        let acked = d["seq_ack"].as_u64().unwrap_or(0);
        let missed: Vec<Message> = lock(&s.sent)
            .iter()
            .filter(|(seq, _)| u64::from(*seq) > acked)
            .map(|(_, m)| m.clone())
            .collect();
        for message in missed {
            self.ws.send(message).await?;
        }
        self.plain(9, &Value::Null).await
    }

    async fn select(&mut self, d: &Value) -> Result<()> {
        let Some(s) = self.session.clone() else {
            self.close(4003, "not authenticated").await;
            return Ok(());
        };
        let mode = d["data"]["mode"].as_str().unwrap_or_default();
        let Some(transport) = Transport::new(mode, &s.key) else {
            self.close(4016, "unknown encryption mode").await;
            return Ok(());
        };
        *lock(&s.transport) = Some(transport);
        *lock(&s.mode) = mode.to_owned();
        let hello = lock(&s.dave).as_ref().map(Room::hello);
        let description = json!({"mode": mode, "secret_key": s.key.to_vec(),
            "media_session_id": "rig", "audio_codec": "opus", "video_codec": "H264",
            "dave_protocol_version": u8::from(hello.is_some())});
        self.json(&s, 4, &description).await?;
        self.dave(&s, hello.unwrap_or_default()).await
    }

    async fn obey(&mut self, command: Cmd) -> Result<()> {
        let Some(s) = self.session.clone() else {
            return Ok(());
        };
        s.note(format!("** {command:?}"));
        let out = match command {
            Cmd::Close(code, why) => {
                self.close(code, why).await;
                vec![]
            }
            Cmd::CloseEmpty => {
                self.ws.close(None).await?;
                vec![]
            }
            Cmd::DropTcp => {
                self.is_cut = true;
                vec![]
            }
            Cmd::MuteAcks => {
                self.answers_heartbeats = false;
                vec![]
            }
            Cmd::Freeze => {
                // the client is expected to come again on another connection
                tokio::time::sleep(FOREVER).await;
                vec![]
            }
            Cmd::Text(v) => {
                self.ws.send(Message::text(v.to_string())).await?;
                vec![]
            }
            Cmd::DaveJoin(user) => room(&s, |r| r.join(user)),
            Cmd::DaveLeave(user) => room(&s, |r| r.leave(user)),
            Cmd::DaveSoleReset => room(&s, |r| Ok(r.reset_sole())),
            Cmd::DaveDowngrade(id) => vec![Out::Prepare(id, 0)],
            Cmd::DaveGarbage => vec![Out::Commit(99, vec![1, 2, 3])],
            Cmd::DropThenJoin(user) => {
                for out in room(&s, |r| r.join(user)) {
                    record(&s, |seq| message(&out, seq));
                }
                self.is_cut = true;
                vec![]
            }
        };
        self.dave(&s, out).await
    }

    async fn plain(&mut self, op: u8, d: &Value) -> Result<()> {
        let text = json!({ "op": op, "d": d }).to_string();
        Ok(self.ws.send(Message::text(text)).await?)
    }

    async fn json(&mut self, session: &Session, op: u8, d: &Value) -> Result<()> {
        let message = record(session, |seq| numbered(op, d, seq));
        Ok(self.ws.send(message).await?)
    }

    async fn dave(&mut self, session: &Session, out: Vec<Out>) -> Result<()> {
        for out in out {
            session.note(format!("-> {}", label(&out)));
            let message = record(session, |seq| message(&out, seq));
            self.ws.send(message).await?;
        }
        Ok(())
    }

    async fn close(&mut self, code: u16, why: &str) {
        let frame = CloseFrame {
            code: CloseCode::from(code),
            reason: why.to_owned().into(),
        };
        let _ = self.ws.close(Some(frame)).await;
    }
}

fn label(out: &Out) -> String {
    let mut text = format!("{out:?}");
    text.truncate(60);
    text
}

fn room(session: &Session, act: impl FnOnce(&mut Room) -> Result<Vec<Out>>) -> Vec<Out> {
    match lock(&session.dave).as_mut().map(act) {
        Some(Ok(out)) => out,
        Some(Err(error)) => {
            session.note(format!("!! dave: {error:#}"));
            vec![]
        }
        None => vec![],
    }
}
