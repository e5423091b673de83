//! Owns: which of the node's own addresses the next request leaves from, and which of them are to be left alone for a while.
//! Never knows: sockets, clocks, chance, what was asked for.
//!
//! The strategies and their figures are those of Lavaplayer's `youtube-rotator` (reference, 2.8): an address is failing for a
//! week after a 429 or when it cannot be bound. Two things are done otherwise, because the original loses addresses by them:
//! blocks are walked from their first address on, and what has failed moves the planner on only while it is what the planner
//! would give again, so that ten requests that fail together use up one address.

mod block;
#[cfg(test)]
mod tests;

pub use block::{Block, Blocks, Family};
use std::{
    collections::{BTreeMap, HashSet},
    net::IpAddr,
    time::{Duration, SystemTime},
};

/// How long a failing address is not used: `AbstractRoutePlanner.FAILING_TIME`.
const FAILING_FOR: Duration = Duration::from_secs(7 * 24 * 3600);
/// Failing addresses that are remembered; beyond that the oldest is free again.
const MAX_FAILING: usize = 10_000;
/// From more addresses than this, RotateOnBan takes steps of 10 to 19.
const LARGE: u128 = 128;
/// Addresses that are tried by the strategy's own steps before the next free one is taken.
const OWN_STEPS: usize = 128;
/// The same for those that are drawn.
const DRAWS: usize = 16;

/// How addresses are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// One until it fails, then the next.
    #[default]
    RotateOnBan,
    /// Any, for each request.
    LoadBalance,
    /// For each request another, by the nanoseconds since the start, in any network of 64 bits.
    NanoSwitch,
    /// The same within one network of 64 bits until an address fails, then in the next network.
    RotatingNanoSwitch,
}

impl Strategy {
    /// In the order in which the configuration names them.
    pub const ALL: [Self; 4] = [
        Self::RotateOnBan,
        Self::LoadBalance,
        Self::NanoSwitch,
        Self::RotatingNanoSwitch,
    ];

    /// Whether an address is used for more than one request in a row, so that connections from it are worth keeping.
    #[must_use]
    pub const fn comes_back(self) -> bool {
        match self {
            Self::RotateOnBan | Self::LoadBalance => true,
            Self::NanoSwitch | Self::RotatingNanoSwitch => false,
        }
    }
}

/// Why there can be no such planner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// Of both families, or of none.
    #[error("the blocks must be all of IPv4 or all of IPv6")]
    Families,
    /// A nano strategy needs 64 bits to count in.
    #[error("NanoSwitch and RotatingNanoSwitch need blocks of IPv6 of /64 or larger")]
    TooSmall,
}

/// Every address is failing or excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all of the node's addresses are marked as failing")]
pub struct Exhausted;

/// What a planner plans with; found to be possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    blocks: Blocks,
    excluded: HashSet<IpAddr>,
    strategy: Strategy,
}

impl Plan {
    /// Addresses of these blocks, without the excluded ones.
    ///
    /// # Errors
    /// When the strategy cannot work with these blocks.
    pub fn new(
        strategy: Strategy,
        blocks: Vec<Block>,
        excluded: impl IntoIterator<Item = IpAddr>,
    ) -> Result<Self, Mistake> {
        let blocks = Blocks::new(blocks).ok_or(Mistake::Families)?;
        if !strategy.comes_back() && blocks.networks().is_none() {
            return Err(Mistake::TooSmall);
        }
        Ok(Self {
            blocks,
            excluded: excluded.into_iter().collect(),
            strategy,
        })
    }

    /// The addresses.
    #[must_use]
    pub const fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// Whether an address is never used.
    #[must_use]
    pub fn is_excluded(&self, address: IpAddr) -> bool {
        self.excluded.contains(&address)
    }

    /// The strategy.
    #[must_use]
    pub const fn strategy(&self) -> Strategy {
        self.strategy
    }
}

/// Where a strategy stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// `RotateOnBan`.
    Rotating {
        /// How often it has moved on.
        rotations: u128,
        /// Number of the current address, from 1; 0 before the first.
        index: u128,
    },
    /// `LoadBalance`.
    Balancing,
    /// `NanoSwitch`.
    Nano {
        /// The offset that the next address has, in nanoseconds since the start.
        offset: u64,
    },
    /// `RotatingNanoSwitch`.
    RotatingNano {
        /// Number of the current network of 64 bits.
        network: u128,
        /// The offset that the next address has, in nanoseconds since the network's first use.
        offset: u64,
    },
}

/// What people are told of a planner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The family of its addresses.
    pub family: Family,
    /// How many there are.
    pub size: u128,
    /// Failing ones, with the time at which they failed, in the order of addresses.
    pub failing: Vec<(IpAddr, SystemTime)>,
    /// Where its strategy stands.
    pub course: Course,
    /// The address that the next request would leave from as the last did.
    pub current: Option<IpAddr>,
}

/// Chooses addresses.
#[derive(Debug)]
pub struct Planner {
    plan: Plan,
    failing: BTreeMap<IpAddr, SystemTime>,
    /// `RotateOnBan`: number of the current address, from 1. `RotatingNanoSwitch`: of the current network, from 0.
    index: u128,
    /// How often it has moved on.
    rotations: u128,
    has_to_move: bool,
    /// From when on nanoseconds are counted.
    since: SystemTime,
}

impl Planner {
    /// One that begins now.
    #[must_use]
    pub const fn new(plan: Plan, now: SystemTime) -> Self {
        Self {
            plan,
            failing: BTreeMap::new(),
            index: 0,
            rotations: 0,
            has_to_move: false,
            since: now,
        }
    }

    /// What it plans with.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The address for the next request. `seed` is any number, another each time.
    ///
    /// # Errors
    /// When there is none that may be used.
    pub fn choose(&mut self, now: SystemTime, seed: u64) -> Result<IpAddr, Exhausted> {
        let mut chance = Chance(seed);
        match self.plan.strategy {
            Strategy::RotateOnBan => self.rotate(now, &mut chance),
            Strategy::LoadBalance => self.draw(now, &mut chance),
            Strategy::NanoSwitch => {
                let network = chance.below(self.networks());
                self.by_time(network, now)
            }
            Strategy::RotatingNanoSwitch => {
                let network = self.index % self.networks();
                self.by_time(network, now)
            }
        }
        .ok_or(Exhausted)
    }

    fn rotate(&mut self, now: SystemTime, chance: &mut Chance) -> Option<IpAddr> {
        let current = self.current().filter(|_| !self.has_to_move);
        if let Some(current) = current.filter(|address| self.is_free(*address, now)) {
            return Some(current);
        }
        let mut index = self.index;
        let mut found = None;
        for _ in 0..OWN_STEPS {
            index = self.stepped(index, chance);
            found = Some(index - 1).filter(|at| self.is_free(self.plan.blocks.at(*at), now));
            if found.is_some() {
                break;
            }
        }
        let found = found.or_else(|| self.next_free(index, now))?;
        self.index = found + 1;
        self.has_to_move = false;
        Some(self.plan.blocks.at(found))
    }

    /// The number that RotateOnBan goes to from another, both from 1.
    fn stepped(&self, index: u128, chance: &mut Chance) -> u128 {
        let size = self.plan.blocks.size();
        let step = match size > LARGE {
            true => 10 + chance.below(10),
            false => 1,
        };
        let left = size - index;
        if step <= left {
            index + step
        } else {
            step - left
        }
    }

    fn draw(&mut self, now: SystemTime, chance: &mut Chance) -> Option<IpAddr> {
        let size = self.plan.blocks.size();
        for _ in 0..DRAWS {
            let address = self.plan.blocks.at(chance.below(size));
            if self.is_free(address, now) {
                return Some(address);
            }
        }
        let found = self.next_free(chance.below(size), now)?;
        Some(self.plan.blocks.at(found))
    }

    /// An address in a network of 64 bits, by the time.
    fn by_time(&mut self, network: u128, now: SystemTime) -> Option<IpAddr> {
        let index = (network << 64) + u128::from(self.offset(now));
        let found = self.next_free(index, now)?;
        Some(self.plan.blocks.at(found))
    }

    /// The first number from 0 whose address may be used, from one on and round the blocks.
    fn next_free(&mut self, from: u128, now: SystemTime) -> Option<u128> {
        let size = self.plan.blocks.size();
        let mut index = from % size;
        for _ in 0..self.reach() {
            if self.is_free(self.plan.blocks.at(index), now) {
                return Some(index);
            }
            index = (index + 1) % size;
        }
        None
    }

    /// How many different addresses have to be looked at to find one that may be used, if there is any: one more than there
    /// are that may not.
    fn reach(&self) -> u128 {
        let barred = self.failing.len() + self.plan.excluded.len() + 1;
        self.plan.blocks.size().min(barred as u128)
    }

    fn is_free(&mut self, address: IpAddr, now: SystemTime) -> bool {
        if self.plan.excluded.contains(&address) {
            return false;
        }
        let Some(since) = self.failing.get(&address) else {
            return true;
        };
        let is_over = is_over(*since, now);
        if is_over {
            self.failing.remove(&address);
        }
        is_over
    }

    /// An address was refused, or could not be used. Says whether it is one of the planner's.
    pub fn mark(&mut self, address: IpAddr, now: SystemTime) -> bool {
        if !self.plan.blocks.contains(address) {
            return false;
        }
        if !self.failing.contains_key(&address) && self.failing.len() >= MAX_FAILING {
            let oldest = self.failing.iter().min_by_key(|(_, since)| **since);
            if let Some(oldest) = oldest.map(|(address, _)| *address) {
                self.failing.remove(&oldest);
            }
        }
        self.failing.insert(address, now);
        match self.plan.strategy {
            Strategy::RotateOnBan if self.current() == Some(address) && !self.has_to_move => {
                self.has_to_move = true;
                self.rotations += 1;
            }
            Strategy::RotatingNanoSwitch => {
                let current = self.plan.blocks.at((self.index % self.networks()) << 64);
                let network = Block::new(current, 64);
                if network.is_some_and(|network| network.contains(address)) {
                    self.index = (self.index + 1) % self.networks();
                    self.since = now;
                }
            }
            Strategy::RotateOnBan | Strategy::LoadBalance | Strategy::NanoSwitch => {}
        }
        true
    }

    /// An address may be used again.
    pub fn free(&mut self, address: IpAddr) {
        self.failing.remove(&address);
    }

    /// All addresses may be used again.
    pub fn free_all(&mut self) {
        self.failing.clear();
    }

    /// How many addresses are failing.
    #[must_use]
    pub fn failing(&self, now: SystemTime) -> usize {
        let all = self.failing.values();
        all.filter(|since| !is_over(**since, now)).count()
    }

    /// Where it stands.
    #[must_use]
    pub fn status(&self, now: SystemTime) -> Status {
        let failing = self.failing.iter();
        let failing = failing
            .map(|(address, since)| (*address, *since))
            .filter(|(_, since)| !is_over(*since, now));
        let offset = self.offset(now);
        Status {
            family: self.plan.blocks.family(),
            size: self.plan.blocks.size(),
            failing: failing.collect(),
            course: match self.plan.strategy {
                Strategy::RotateOnBan => Course::Rotating {
                    rotations: self.rotations,
                    index: self.index,
                },
                Strategy::LoadBalance => Course::Balancing,
                Strategy::NanoSwitch => Course::Nano { offset },
                Strategy::RotatingNanoSwitch => Course::RotatingNano {
                    network: self.index,
                    offset,
                },
            },
            current: self.current(),
        }
    }

    /// `RotateOnBan`'s address.
    fn current(&self) -> Option<IpAddr> {
        let is_rotating = self.plan.strategy == Strategy::RotateOnBan;
        let index = self.index.checked_sub(1).filter(|_| is_rotating)?;
        Some(self.plan.blocks.at(index))
    }

    /// Nanoseconds: enough for 584 years. A clock that was put back counts from 0.
    fn offset(&self, now: SystemTime) -> u64 {
        let since = now.duration_since(self.since).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// How many networks of 64 bits there are.
    fn networks(&self) -> u128 {
        // a plan for a nano strategy was found to have them
        self.plan.blocks.networks().unwrap_or(1).max(1)
    }
}

fn is_over(since: SystemTime, now: SystemTime) -> bool {
    now.duration_since(since)
        .is_ok_and(|for_long| for_long >= FAILING_FOR)
}

/// Numbers from a seed: splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Less than `limit`, which is not 0.
    fn below(&mut self, limit: u128) -> u128 {
        let any = (u128::from(self.next()) << 64) | u128::from(self.next());
        any % limit
    }
}
