//! Owns: the server's side of DAVE for one voice channel: the MLS delivery service and external sender, and fake listeners
//! (`davey` sessions) that decrypt what the bot sends.
//! Never knows: sockets; it says what is to be sent.
use anyhow::{Context, Result, anyhow, bail};
use davey::{DaveSession, MediaType, ProposalsOperationType};
use openmls::prelude::{
    BasicCredential, Ciphersuite, Credential, ExternalProposal, ExternalSender, GroupEpoch,
    GroupId, KeyPackage, KeyPackageIn, LeafNodeIndex, MlsMessageIn, OpenMlsProvider,
    ProtocolVersion, SenderExtensionIndex,
    tls_codec::{DeserializeBytes, Serialize, VLBytes},
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;
use std::{collections::VecDeque, num::NonZeroU16};

const SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256;
const VERSION: u16 = 1;

/// What the gateway has to put on the bot's websocket.
#[derive(Debug, Clone)]
pub enum Out {
    ClientsConnect(Vec<u64>),
    ClientDisconnect(u64),
    /// op 25
    ExternalSender(Vec<u8>),
    /// op 27, body = operation byte + vector
    Proposals(Vec<u8>),
    /// op 29
    Commit(u16, Vec<u8>),
    /// op 30
    Welcome(u16, Vec<u8>),
    /// op 22
    Execute(u16),
    /// op 21
    Prepare(u16, u16),
    /// op 24
    PrepareEpoch(u64, u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committer {
    /// the bot's commit wins, fake listeners are welcomed
    Bot,
    /// a fake listener's commit wins
    Listener,
}

struct Listener {
    user: u64,
    session: DaveSession,
    /// in the MLS group (otherwise still pending)
    joined: bool,
    key_package: Vec<u8>,
}

pub struct Room {
    provider: OpenMlsRustCrypto,
    signer: SignatureKeyPair,
    package: Vec<u8>,
    channel: u64,
    bot: u64,
    epoch: u64,
    /// leaf index -> user
    leaves: Vec<Option<u64>>,
    listeners: Vec<Listener>,
    committer: Committer,
    next_transition: u16,
    /// a listener's commit for the outstanding proposals
    local_commit: Option<(Vec<u8>, Option<Vec<u8>>)>,
    adding: Vec<u64>,
    removing: Vec<u64>,
    bot_joined: bool,
    /// transitions whose op 23 is awaited
    waiting: VecDeque<u16>,
    pub transitions_done: u32,
    pub invalid_reports: u32,
    /// listeners that are already in the group handle a commit only when the bot reports ready (slow peers)
    pub slow_listeners: bool,
    deferred: Vec<(u64, Vec<u8>)>,
}

impl Room {
    /// `listeners`: fake members already in the channel. Two or more means that an established group
    /// exists and the bot will be welcomed into it; with one, the group is made together with the bot.
    pub fn new(channel: u64, bot: u64, listeners: &[u64], committer: Committer) -> Result<Self> {
        let provider = OpenMlsRustCrypto::default();
        let signer = SignatureKeyPair::new(SUITE.signature_algorithm())
            .map_err(|e| anyhow!("signature key: {e:?}"))?;
        let credential: Credential = BasicCredential::new(b"rig".to_vec()).into();
        let package = ExternalSender::new(signer.public().into(), credential)
            .tls_serialize_detached()
            .context("external sender")?;
        let mut room = Self {
            provider,
            signer,
            package,
            channel,
            bot,
            epoch: 0,
            leaves: vec![],
            listeners: vec![],
            committer,
            next_transition: 1,
            local_commit: None,
            adding: vec![],
            removing: vec![],
            bot_joined: false,
            waiting: VecDeque::new(),
            transitions_done: 0,
            invalid_reports: 0,
            slow_listeners: false,
            deferred: vec![],
        };
        for id in listeners {
            room.new_listener(*id)?;
        }
        if room.listeners.len() >= 2 {
            room.establish_without_bot()?;
        }
        Ok(room)
    }

    fn new_listener(&mut self, user: u64) -> Result<()> {
        let mut session = DaveSession::new(NonZeroU16::MIN, user, self.channel, None)?;
        session.set_external_sender(&self.package)?;
        let key_package = session.create_key_package()?;
        self.listeners.push(Listener {
            user,
            session,
            joined: false,
            key_package,
        });
        Ok(())
    }

    fn key_package(&self, bytes: &[u8]) -> Result<KeyPackage> {
        let kp = KeyPackageIn::tls_deserialize_exact_bytes(bytes)
            .map_err(|e| anyhow!("key package: {e:?}"))?;
        kp.validate(self.provider.crypto(), ProtocolVersion::Mls10)
            .map_err(|e| anyhow!("key package: {e:?}"))
    }

    fn group_id(&self) -> GroupId {
        GroupId::from_slice(&self.channel.to_be_bytes())
    }

    fn add_proposal(&self, key_package: &[u8]) -> Result<Vec<u8>> {
        ExternalProposal::new_add::<OpenMlsRustCrypto>(
            self.key_package(key_package)?,
            self.group_id(),
            GroupEpoch::from(self.epoch),
            &self.signer,
            SenderExtensionIndex::new(0),
        )
        .map_err(|e| anyhow!("add proposal: {e:?}"))?
        .tls_serialize_detached()
        .context("add proposal")
    }

    fn remove_proposal(&self, user: u64) -> Result<Vec<u8>> {
        let leaf = self
            .leaves
            .iter()
            .position(|u| *u == Some(user))
            .context("user has no leaf")?;
        ExternalProposal::new_remove::<OpenMlsRustCrypto>(
            LeafNodeIndex::new(leaf as u32),
            self.group_id(),
            GroupEpoch::from(self.epoch),
            &self.signer,
            SenderExtensionIndex::new(0),
        )
        .map_err(|e| anyhow!("remove proposal: {e:?}"))?
        .tls_serialize_detached()
        .context("remove proposal")
    }

    fn vector(messages: &[Vec<u8>]) -> Result<Vec<u8>> {
        VLBytes::new(messages.concat())
            .tls_serialize_detached()
            .context("vector")
    }

    fn append(messages: &[Vec<u8>]) -> Result<Vec<u8>> {
        let mut out = vec![0u8];
        out.extend(Self::vector(messages)?);
        Ok(out)
    }

    fn place(&mut self, user: u64) {
        match self.leaves.iter().position(Option::is_none) {
            Some(i) => self.leaves[i] = Some(user),
            None => self.leaves.push(Some(user)),
        }
    }

    fn establish_without_bot(&mut self) -> Result<()> {
        let adds: Vec<Vec<u8>> = self.listeners[1..]
            .iter()
            .map(|l| self.add_proposal(&l.key_package))
            .collect::<Result<_>>()?;
        let body = Self::vector(&adds)?;
        let first = &mut self.listeners[0];
        let cw = first
            .session
            .process_proposals(ProposalsOperationType::APPEND, &body, None)?
            .context("no commit from the first listener")?;
        first.session.process_commit(&cw.commit)?;
        first.session.prepare_transition(0, VERSION)?;
        first.joined = true;
        let welcome = cw.welcome.context("no welcome")?;
        for l in &mut self.listeners[1..] {
            l.session.process_welcome(&welcome, None)?;
            l.session.prepare_transition(0, VERSION)?;
            l.joined = true;
        }
        let users: Vec<u64> = self.listeners.iter().map(|l| l.user).collect();
        for u in users {
            self.place(u);
        }
        self.epoch = 1;
        Ok(())
    }

    /// Sent to the bot right after the session description.
    pub fn hello(&self) -> Vec<Out> {
        vec![
            Out::ClientsConnect(self.listeners.iter().map(|l| l.user).collect()),
            Out::ExternalSender(self.package.clone()),
        ]
    }

    /// op 26
    pub fn on_key_package(&mut self, bytes: &[u8]) -> Result<Vec<Out>> {
        if self.listeners.is_empty() {
            return Ok(vec![]); // sole member: nothing to do until somebody joins
        }
        let add_bot = self.add_proposal(bytes)?;
        self.adding = vec![self.bot];
        self.removing.clear();
        if self.epoch == 0 {
            // unestablished: everybody is pending and gets the others' add proposals
            let others: Vec<Vec<u8>> = self
                .listeners
                .iter()
                .map(|l| self.add_proposal(&l.key_package))
                .collect::<Result<_>>()?;
            self.adding = self.listeners.iter().map(|l| l.user).collect();
            if self.committer == Committer::Listener {
                // only the first listener acts as the committing member here
                let body = Self::vector(std::slice::from_ref(&add_bot))?;
                let l = &mut self.listeners[0];
                let cw = l
                    .session
                    .process_proposals(ProposalsOperationType::APPEND, &body, Some(&[self.bot]))?
                    .context("no commit")?;
                self.local_commit = Some((cw.commit, cw.welcome));
                self.adding = vec![self.bot];
                let mut out = vec![Out::Proposals(Self::append(&others)?)];
                out.extend(self.finish_with_local()?);
                return Ok(out);
            }
            return Ok(vec![Out::Proposals(Self::append(&others)?)]);
        }
        // established: only current members commit, the bot gets a welcome
        let body = Self::vector(std::slice::from_ref(&add_bot))?;
        for l in self.listeners.iter_mut().filter(|l| l.joined) {
            let cw = l
                .session
                .process_proposals(ProposalsOperationType::APPEND, &body, None)?
                .context("no commit")?;
            if self.local_commit.is_none() {
                self.local_commit = Some((cw.commit, cw.welcome));
            }
        }
        self.finish_with_local()
    }

    /// op 28 from the bot
    pub fn on_commit_welcome(&mut self, bytes: &[u8]) -> Result<Vec<Out>> {
        if self.adding.is_empty() && self.removing.is_empty() {
            return Ok(vec![]); // lost the race: another commit was announced for that epoch
        }
        let (_, rest) =
            MlsMessageIn::tls_deserialize_bytes(bytes).map_err(|e| anyhow!("commit: {e:?}"))?;
        let commit = bytes[..bytes.len() - rest.len()].to_vec();
        let welcome = (!rest.is_empty()).then(|| rest.to_vec());
        self.local_commit = None;
        if self.epoch == 0 && !self.leaves.contains(&Some(self.bot)) {
            self.place(self.bot);
        }
        self.bot_joined = true;
        self.finish(commit, welcome, true)
    }

    fn finish_with_local(&mut self) -> Result<Vec<Out>> {
        let (commit, welcome) = self.local_commit.take().context("no listener commit")?;
        if self.epoch == 0 {
            let first = self.listeners[0].user;
            self.place(first);
        }
        self.finish(commit, welcome, false)
    }

    fn finish(
        &mut self,
        commit: Vec<u8>,
        welcome: Option<Vec<u8>>,
        by_bot: bool,
    ) -> Result<Vec<Out>> {
        let id = self.next_transition;
        self.next_transition += 1;
        let mut out = vec![];
        let adding = std::mem::take(&mut self.adding);
        let removing = std::mem::take(&mut self.removing);
        for u in &removing {
            if let Some(slot) = self.leaves.iter_mut().find(|s| **s == Some(*u)) {
                *slot = None;
            }
            self.listeners.retain(|l| l.user != *u);
        }
        let bot_is_new = adding.contains(&self.bot);
        for l in &mut self.listeners {
            if adding.contains(&l.user) {
                let w = welcome
                    .as_ref()
                    .context("commit adds members without a welcome")?;
                l.session.process_welcome(w, None)?;
                l.session.prepare_transition(id, VERSION)?;
                l.joined = true;
            } else if l.joined || (!by_bot && self.epoch == 0) {
                if self.slow_listeners && l.joined {
                    self.deferred.push((l.user, commit.clone()));
                } else {
                    l.session.process_commit(&commit)?;
                    l.session.prepare_transition(id, VERSION)?;
                }
                l.joined = true;
            }
        }
        for u in &adding {
            self.place(*u);
        }
        if bot_is_new {
            self.bot_joined = true;
            out.push(Out::Welcome(id, welcome.context("no welcome for the bot")?));
        } else {
            out.push(Out::Commit(id, commit));
        }
        self.epoch += 1;
        self.waiting.push_back(id);
        Ok(out)
    }

    /// op 23
    pub fn on_ready(&mut self, transition: u16) -> Vec<Out> {
        self.waiting.retain(|t| *t != transition);
        for (user, commit) in std::mem::take(&mut self.deferred) {
            if let Some(l) = self.listeners.iter_mut().find(|l| l.user == user) {
                let _ = l.session.process_commit(&commit);
                let _ = l.session.prepare_transition(transition, VERSION);
            }
        }
        self.transitions_done += 1;
        vec![Out::Execute(transition)]
    }

    /// op 31: the bot could not use a commit or welcome. It is removed from the group by the others and
    /// added again when its new key package arrives (op 26 follows immediately).
    pub fn on_invalid(&mut self, _transition: u16) -> Result<Vec<Out>> {
        self.invalid_reports += 1;
        self.local_commit = None;
        self.adding.clear();
        self.removing.clear();
        if self.epoch == 0 || !self.leaves.contains(&Some(self.bot)) {
            return Ok(vec![]);
        }
        let body = Self::vector(&[self.remove_proposal(self.bot)?])?;
        let mut commit = None;
        for l in self.listeners.iter_mut().filter(|l| l.joined) {
            if let Some(cw) =
                l.session
                    .process_proposals(ProposalsOperationType::APPEND, &body, None)?
            {
                commit.get_or_insert(cw.commit);
            }
        }
        let commit = commit.context("nobody committed the removal")?;
        for l in self.listeners.iter_mut().filter(|l| l.joined) {
            l.session.process_commit(&commit)?;
            l.session.prepare_transition(0, VERSION)?;
        }
        for s in &mut self.leaves {
            if *s == Some(self.bot) {
                *s = None;
            }
        }
        self.bot_joined = false;
        self.epoch += 1;
        Ok(vec![])
    }

    /// A further listener enters an established group.
    pub fn join(&mut self, user: u64) -> Result<Vec<Out>> {
        if self.epoch == 0 {
            bail!("no established group");
        }
        self.new_listener(user)?;
        let l = self.listeners.last().context("just added")?;
        let proposal = self.add_proposal(&l.key_package)?;
        self.adding = vec![user];
        let mut out = vec![Out::ClientsConnect(vec![user])];
        out.extend(self.propose(proposal)?);
        Ok(out)
    }

    pub fn leave(&mut self, user: u64) -> Result<Vec<Out>> {
        let proposal = self.remove_proposal(user)?;
        self.removing = vec![user];
        let mut out = vec![Out::ClientDisconnect(user)];
        out.extend(self.propose(proposal)?);
        Ok(out)
    }

    fn propose(&mut self, proposal: Vec<u8>) -> Result<Vec<Out>> {
        let body = Self::vector(std::slice::from_ref(&proposal))?;
        for l in self.listeners.iter_mut().filter(|l| l.joined) {
            if self.removing.contains(&l.user) {
                continue;
            }
            let cw = l
                .session
                .process_proposals(ProposalsOperationType::APPEND, &body, None)?;
            if let (Some(cw), None) = (cw, &self.local_commit) {
                self.local_commit = Some((cw.commit, cw.welcome));
            }
        }
        let mut out = vec![Out::Proposals(Self::append(std::slice::from_ref(
            &proposal,
        ))?)];
        if self.committer == Committer::Listener && self.local_commit.is_some() {
            out.extend(self.finish_with_local()?);
        }
        Ok(out)
    }

    /// Everybody else left: the gateway resets the group (sole member reset).
    pub fn reset_sole(&mut self) -> Vec<Out> {
        self.listeners.clear();
        self.leaves.clear();
        self.epoch = 0;
        self.bot_joined = false;
        self.local_commit = None;
        self.adding.clear();
        self.removing.clear();
        vec![Out::PrepareEpoch(1, VERSION), Out::Prepare(0, VERSION)]
    }

    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    pub fn established(&self) -> bool {
        self.bot_joined
    }

    /// Decrypts a DAVE frame from the bot as the first joined listener would.
    pub fn decrypt(&mut self, frame: &[u8]) -> Result<Vec<u8>, String> {
        let bot = self.bot;
        let Some(l) = self.listeners.iter_mut().find(|l| l.joined) else {
            return Err("no listener in the group".into());
        };
        l.session
            .decrypt(bot, MediaType::AUDIO, frame)
            .map_err(|e| e.to_string())
    }
}
