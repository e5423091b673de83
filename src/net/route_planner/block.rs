//! Owns: blocks of IP addresses: how many there are, which is the n-th. Pure arithmetic.
//! Never knows: which address is used, or why.

use std::net::IpAddr;

/// Which IP it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// 32 bits.
    V4,
    /// 128 bits.
    V6,
}

impl Family {
    /// Of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    const fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    fn address(self, number: u128) -> IpAddr {
        match self {
            // what does not fit cannot be: blocks of this family end with 32 bits
            Self::V4 => IpAddr::V4((number as u32).into()),
            Self::V6 => IpAddr::V6(number.into()),
        }
    }
}

/// The address as a number.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// Addresses that share their first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    family: Family,
    first: u128,
    /// Bits that differ within it.
    free_bits: u8,
}

impl Block {
    /// The addresses that share `prefix` bits with this one. `None` when it has fewer bits.
    #[must_use]
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        let family = Family::of(address);
        let free_bits = family.bits().checked_sub(prefix)?;
        let host = u128::MAX.checked_shr(128 - u32::from(free_bits));
        Some(Self {
            family,
            first: number(address) & !host.unwrap_or(0),
            free_bits,
        })
    }

    /// How many addresses it has; the whole of IPv6 counts one less.
    #[must_use]
    pub fn size(&self) -> u128 {
        1u128
            .checked_shl(self.free_bits.into())
            .unwrap_or(u128::MAX)
    }

    /// Whether an address is one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let offset = number(address).checked_sub(self.first);
        Family::of(address) == self.family && offset.is_some_and(|offset| offset < self.size())
    }
}

/// One block or several, numbered through. Never empty, and of one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocks {
    family: Family,
    blocks: Vec<Block>,
    size: u128,
}

impl Blocks {
    /// These. `None` when there are none, or they are of both families.
    #[must_use]
    pub fn new(blocks: Vec<Block>) -> Option<Self> {
        let family = blocks.first()?.family;
        let size = blocks.iter().map(Block::size);
        let size = size.fold(0, u128::saturating_add);
        blocks
            .iter()
            .all(|block| block.family == family)
            .then_some(Self {
                family,
                blocks,
                size,
            })
    }

    /// The family of all.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.family
    }

    /// How many addresses there are, at least one.
    #[must_use]
    pub const fn size(&self) -> u128 {
        self.size
    }

    /// How many networks of 64 bits they are made of; `None` when not all are.
    #[must_use]
    pub fn networks(&self) -> Option<u128> {
        let are_whole = self.blocks.iter().all(|block| block.free_bits >= 64);
        are_whole.then_some(self.size >> 64)
    }

    /// The address with this number, counted round and round from 0.
    #[must_use]
    pub fn at(&self, index: u128) -> IpAddr {
        let mut rest = index % self.size;
        for block in &self.blocks {
            if rest < block.size() {
                return block.family.address(block.first + rest);
            }
            rest -= block.size();
        }
        unreachable!("the rest is less than the sum of the blocks' sizes")
    }

    /// Whether an address is one of theirs.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.blocks.iter().any(|block| block.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str, prefix: u8) -> Block {
        Block::new(text.parse().expect("an address"), prefix).expect("a block")
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    // RFC 4632, section 3.1, and RFC 4291, section 2.3, say what a prefix is
    #[test]
    fn a_block_is_what_shares_its_prefix() {
        let blocks = Blocks::new(vec![block("192.0.2.77", 28)]).expect("one");
        assert_eq!(blocks.size(), 16);
        assert_eq!(blocks.at(0), ip("192.0.2.64"));
        assert_eq!(blocks.at(15), ip("192.0.2.79"));
        assert!(blocks.contains(ip("192.0.2.79")) && !blocks.contains(ip("192.0.2.80")));
        assert!(!blocks.contains(ip("::c000:24d")));
        let one = Blocks::new(vec![block("2001:db8::5", 128)]).expect("one");
        assert_eq!((one.size(), one.at(7)), (1, ip("2001:db8::5")));
    }

    #[test]
    fn several_blocks_are_numbered_through_and_round() {
        let blocks = vec![block("192.0.2.0", 31), block("198.51.100.4", 32)];
        let blocks = Blocks::new(blocks).expect("of one family");
        let all: Vec<_> = (0..4).map(|n| blocks.at(n).to_string()).collect();
        assert_eq!(all, ["192.0.2.0", "192.0.2.1", "198.51.100.4", "192.0.2.0"]);
    }

    #[test]
    fn the_largest_blocks_have_no_end_to_fall_over() {
        let all = Blocks::new(vec![block("::", 0), block("2001:db8::", 32)]).expect("of IPv6");
        assert_eq!(all.size(), u128::MAX);
        assert_eq!(all.at(u128::MAX - 1).to_string().len(), 39);
        let all = Blocks::new(vec![block("10.1.1.1", 0)]).expect("IPv4");
        assert_eq!((all.size(), all.at(5)), (1 << 32, ip("0.0.0.5")));
        assert_eq!(
            block("2001:db8:1::", 48).size(),
            1_208_925_819_614_629_174_706_176
        );
    }

    #[test]
    fn what_is_no_block_is_refused() {
        assert!(Block::new(ip("192.0.2.0"), 33).is_none());
        let mixed = vec![block("192.0.2.0", 24), block("2001:db8::", 64)];
        assert!(Blocks::new(mixed).is_none());
        assert!(Blocks::new(Vec::new()).is_none());
    }
}
