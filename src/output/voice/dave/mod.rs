//! Owns: this client's part in DAVE, Discord's end-to-end encryption: its MLS group, transitions, frame keys.
//! Never knows: sockets, packets, threads. Messages go in, messages and keys come out; a call may take milliseconds.
//!
//! MLS is `davey`'s; of it only the group is used. Each transition keeps the frame key of the epoch that it was prepared
//! for, and that key is installed when the transition is executed (op 22), not before: the others may be slower.
//!
//! Until the first transition of a call is executed there is no key. The task lets sound wait for it a moment, because the
//! others could not hear it; when none comes (alone in a channel), frames are sent without this layer. They are still
//! encrypted for the voice server.

mod seal;

pub(super) use seal::{FrameSealer, MAX_OVERHEAD, SILENCE};

use super::gateway::{self, DaveInput};
use davey::{DaveSession, ProposalsOperationType, SessionStatus};
use openmls::prelude::OpenMlsProvider;
use openmls_rust_crypto::OpenMlsRustCrypto;
use std::{
    collections::{BTreeSet, HashMap},
    error::Error,
    num::NonZeroU16,
};

/// What the exporter is called for frame keys (<https://daveprotocol.com/#sender-key-derivation>).
const EXPORT_LABEL: &str = "Discord Secure Frames v0";
/// Bytes of a sender's base secret.
const SECRET: usize = 16;
/// Transitions that may be prepared and not executed at once. Discord runs one after the other.
const MAX_TRANSITIONS: usize = 64;
/// Users that a call may name; Discord's largest stage channels hold ten thousand.
const MAX_USERS: usize = 20_000;

/// What DAVE wants done.
pub(super) enum DaveOutput {
    /// Send this as a text message.
    Text(String),
    /// Send this as a binary message.
    Binary(Vec<u8>),
    /// Encrypt frames with this from now on; `None`: with nothing.
    Seal(Option<Box<FrameSealer>>),
}

/// A frame key that a transition will install.
#[derive(Clone)]
struct EpochKey {
    secret: [u8; SECRET],
    /// Counts distinct secrets; a later one is never replaced by an earlier one.
    ordinal: u64,
}

type Failed = Box<dyn Error + Send + Sync>;

/// One connection's part in its call.
pub(super) struct Dave {
    user: u64,
    channel: u64,
    /// The number of the first key.
    first_ordinal: u64,
    session: Option<DaveSession>,
    crypto: OpenMlsRustCrypto,
    /// The users whom the gateway named: only they may be added to the group.
    users: BTreeSet<u64>,
    /// Prepared transitions; `None` leads out of encryption.
    prepared: HashMap<u16, Option<EpochKey>>,
    /// The key exported last.
    newest: Option<EpochKey>,
    installed: u64,
    outputs: Vec<DaveOutput>,
}

impl DaveInput {
    /// Whether it takes milliseconds (elliptic curves), and so belongs on a thread of its own.
    pub(super) const fn is_heavy(&self) -> bool {
        match self {
            Self::Version(version) => *version != 0,
            Self::Epoch { .. }
            | Self::ExternalSender(_)
            | Self::Proposals { .. }
            | Self::Commit { .. }
            | Self::Welcome { .. } => true,
            Self::Joined(_) | Self::Left(_) | Self::Prepare { .. } | Self::Execute { .. } => false,
        }
    }
}

impl Dave {
    /// No encryption, until the gateway names a version. `call` numbers what is made for one connection, so that keys of
    /// different calls are never taken for each other.
    pub(super) fn new(user: u64, channel: u64, call: u32) -> Self {
        Self {
            user,
            channel,
            first_ordinal: u64::from(call) << 32,
            session: None,
            crypto: OpenMlsRustCrypto::default(),
            users: BTreeSet::from([user]),
            prepared: HashMap::new(),
            newest: None,
            installed: 0,
            outputs: Vec::new(),
        }
    }

    /// Takes a message; what it leads to is appended to `outputs`. A message that cannot be used is logged; a commit or
    /// welcome that cannot be used is answered so that the group takes this member in anew.
    pub(super) fn handle(&mut self, input: DaveInput, outputs: &mut Vec<DaveOutput>) {
        let kind = input.kind();
        if let Err(error) = self.step(input) {
            tracing::warn!(channel = self.channel, kind, %error, "end-to-end encryption message refused");
        }
        outputs.append(&mut self.outputs);
    }

    fn step(&mut self, input: DaveInput) -> Result<(), Failed> {
        match input {
            DaveInput::Version(version) => self.start(version)?,
            DaveInput::Joined(users) => {
                let room = MAX_USERS.saturating_sub(self.users.len());
                self.users.extend(users.into_iter().take(room));
            }
            DaveInput::Left(user) => {
                self.users.remove(&user);
            }
            DaveInput::Prepare { id, version } => {
                let key = match version {
                    0 => None,
                    _ => self.export()?,
                };
                self.prepare(id, key);
            }
            DaveInput::Execute { id } => self.execute(id),
            DaveInput::Epoch { epoch: 1, version } => self.begin_epoch(version)?,
            DaveInput::Epoch { .. } => {}
            DaveInput::ExternalSender(package) => {
                self.group()?.set_external_sender(&package)?;
            }
            DaveInput::Proposals { is_revoke, body } => self.proposals(is_revoke, &body)?,
            DaveInput::Commit { id, body } => match self.group()?.process_commit(&body) {
                Ok(true) => self.entered(id)?,
                // a commit for a group that this member is not in: the welcome is still to come
                Ok(false) => {}
                Err(error) => self.start_over(id, &error)?,
            },
            DaveInput::Welcome { id, body } => match self.group()?.process_welcome(&body, None) {
                Ok(()) => self.entered(id)?,
                Err(error) => self.start_over(id, &error)?,
            },
        }
        Ok(())
    }

    fn group(&mut self) -> Result<&mut DaveSession, Failed> {
        self.session.as_mut().ok_or_else(|| "no call".into())
    }

    /// The session description came.
    fn start(&mut self, version: u16) -> Result<(), Failed> {
        match gateway::dave_version(version) {
            // the same description again: keys changed, the call did not
            Some(_) if self.session.is_some() => Ok(()),
            Some(version) => self.renew(version),
            None => {
                self.session = None;
                self.prepared.clear();
                self.seal(None);
                Ok(())
            }
        }
    }

    /// A new group, and a key package with which to be added to it. The frame key stays until the next transition.
    fn renew(&mut self, version: NonZeroU16) -> Result<(), Failed> {
        let session = match &mut self.session {
            Some(session) => {
                session.reinit(version, self.user, self.channel, None)?;
                session
            }
            None => self
                .session
                .insert(DaveSession::new(version, self.user, self.channel, None)?),
        };
        let package = session.create_key_package()?;
        self.binary(gateway::key_package(&package));
        Ok(())
    }

    fn begin_epoch(&mut self, version: u16) -> Result<(), Failed> {
        let version = gateway::dave_version(version).ok_or("unknown version")?;
        self.renew(version)
    }

    fn proposals(&mut self, is_revoke: bool, body: &[u8]) -> Result<(), Failed> {
        let users: Vec<u64> = self.users.iter().copied().collect();
        let kind = if is_revoke {
            ProposalsOperationType::REVOKE
        } else {
            ProposalsOperationType::APPEND
        };
        let made = self.group()?.process_proposals(kind, body, Some(&users))?;
        if let Some(made) = made {
            let message = gateway::commit_and_welcome(&made.commit, made.welcome.as_deref());
            self.binary(message);
        }
        Ok(())
    }

    /// This member is in a new epoch: its key is used from transition `id` on.
    fn entered(&mut self, id: u16) -> Result<(), Failed> {
        let key = self.export()?;
        self.prepare(id, key);
        Ok(())
    }

    /// A commit or welcome could not be used: tell the gateway and ask to be added anew.
    fn start_over(&mut self, id: u16, error: &dyn Error) -> Result<(), Failed> {
        tracing::info!(channel = self.channel, %error, "end-to-end encryption group lost, joining anew");
        self.outputs
            .push(DaveOutput::Text(gateway::invalid_commit_or_welcome(id)));
        let version = self.group()?.protocol_version();
        self.renew(version)
    }

    /// Transition zero begins a call or resets it, and is executed at once, unasked
    /// (<https://daveprotocol.com/#transitions>).
    fn prepare(&mut self, id: u16, key: Option<EpochKey>) {
        if id == 0 {
            self.install(key);
            return;
        }
        if self.prepared.len() < MAX_TRANSITIONS || self.prepared.contains_key(&id) {
            self.prepared.insert(id, key);
        }
        self.outputs
            .push(DaveOutput::Text(gateway::ready_for_transition(id)));
    }

    fn execute(&mut self, id: u16) {
        if let Some(key) = self.prepared.remove(&id) {
            self.install(key);
        }
    }

    fn install(&mut self, key: Option<EpochKey>) {
        match key {
            Some(key) if key.ordinal < self.installed => {}
            Some(key) => {
                self.installed = key.ordinal;
                let sealer = FrameSealer::new(&key.secret, key.ordinal);
                self.seal(Some(Box::new(sealer)));
            }
            None => self.seal(None),
        }
    }

    /// The current epoch's key; `None` while there is no group but the pending one.
    fn export(&mut self) -> Result<Option<EpochKey>, Failed> {
        let Some(session) = &self.session else {
            return Ok(None);
        };
        let Some(group) = session.group() else {
            return Ok(None);
        };
        if session.status() == SessionStatus::PENDING || group.epoch().as_u64() == 0 {
            return Ok(None);
        }
        let secret: [u8; SECRET] = group
            .export_secret(
                self.crypto.crypto(),
                EXPORT_LABEL,
                &self.user.to_le_bytes(),
                SECRET,
            )?
            .try_into()
            .map_err(|_| "a secret of another length")?;
        let ordinal = match &self.newest {
            Some(newest) if newest.secret == secret => newest.ordinal,
            Some(newest) => newest.ordinal + 1,
            None => self.first_ordinal,
        };
        let key = EpochKey { secret, ordinal };
        self.newest = Some(key.clone());
        Ok(Some(key))
    }

    fn seal(&mut self, sealer: Option<Box<FrameSealer>>) {
        self.outputs.push(DaveOutput::Seal(sealer));
    }

    fn binary(&mut self, message: Vec<u8>) {
        self.outputs.push(DaveOutput::Binary(message));
    }
}

impl DaveInput {
    /// For the log: the message's name.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Version(_) => "session description",
            Self::Joined(_) => "clients connect",
            Self::Left(_) => "client disconnect",
            Self::Prepare { .. } => "prepare transition",
            Self::Execute { .. } => "execute transition",
            Self::Epoch { .. } => "prepare epoch",
            Self::ExternalSender(_) => "external sender",
            Self::Proposals { .. } => "proposals",
            Self::Commit { .. } => "commit",
            Self::Welcome { .. } => "welcome",
        }
    }
}
