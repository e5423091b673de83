//! Owns: what each strategy is held to. Expected values are those of Lavaplayer's planners (reference, 2.8), or stand beside.
//! Never knows: sockets.

use super::*;
use std::collections::BTreeSet;

const WEEK: Duration = Duration::from_secs(604_800);

fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn block(text: &str) -> Block {
    let (address, prefix) = text.split_once('/').expect("a block");
    Block::new(ip(address), prefix.parse().expect("a number")).expect("a block")
}

fn excluding(strategy: Strategy, blocks: &[&str], excluded: &[&str]) -> Planner {
    let blocks = blocks.iter().map(|text| block(text)).collect();
    let excluded = excluded.iter().map(|text| ip(text));
    let plan = Plan::new(strategy, blocks, excluded).expect("a plan");
    Planner::new(plan, start())
}

fn planner(strategy: Strategy, block: &str) -> Planner {
    excluding(strategy, &[block], &[])
}

/// The last byte of what is chosen.
fn last(planner: &mut Planner, seed: u64) -> u8 {
    let chosen = planner.choose(start(), seed).expect("free");
    match chosen {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(address) => address.octets()[15],
    }
}

#[test]
fn rotate_on_ban_keeps_an_address_until_it_fails_and_walks_a_small_block_one_by_one() {
    let mut planner = planner(Strategy::RotateOnBan, "192.0.2.0/30");
    let before = planner.status(start());
    assert_eq!((before.size, before.current), (4, None));
    assert_eq!([1, 2, 3].map(|seed| last(&mut planner, seed)), [0, 0, 0]);
    for next in 1..4 {
        assert!(planner.mark(ip(&format!("192.0.2.{}", next - 1)), start()));
        assert_eq!([1, 2].map(|seed| last(&mut planner, seed)), [next, next]);
    }
    let status = planner.status(start());
    let course = Course::Rotating {
        rotations: 3,
        index: 4,
    };
    assert_eq!(
        (status.course, status.current),
        (course, Some(ip("192.0.2.3")))
    );
    assert_eq!(status.failing.len(), 3);
}

#[test]
fn rotate_on_ban_moves_on_once_for_all_requests_that_fail_together() {
    let mut planner = planner(Strategy::RotateOnBan, "192.0.2.0/28");
    last(&mut planner, 0);
    for _ in 0..10 {
        planner.mark(ip("192.0.2.0"), start());
    }
    assert_eq!(last(&mut planner, 0), 1);
    // a request that left before the move, and is told late
    planner.mark(ip("192.0.2.0"), start());
    assert_eq!(last(&mut planner, 0), 1);
}

#[test]
fn rotate_on_ban_takes_steps_of_ten_to_nineteen_in_a_large_block() {
    let mut planner = planner(Strategy::RotateOnBan, "10.0.0.0/16");
    let mut index = 0;
    let mut steps = BTreeSet::new();
    for seed in 0..200 {
        let chosen = planner.choose(start(), seed).expect("free");
        let Course::Rotating { index: next, .. } = planner.status(start()).course else {
            panic!("another strategy");
        };
        steps.insert(next - index);
        index = next;
        planner.mark(chosen, start());
    }
    assert_eq!(steps, (10..=19).collect());
}

#[test]
fn a_failing_address_is_left_alone_for_a_week_or_until_it_is_freed() {
    let mut planner = planner(Strategy::RotateOnBan, "192.0.2.0/31");
    for _ in 0..2 {
        let chosen = planner.choose(start(), 0).expect("free");
        planner.mark(chosen, start());
    }
    let second = Duration::from_secs(1);
    assert_eq!(planner.choose(start() + WEEK - second, 0), Err(Exhausted));
    assert_eq!(planner.failing(start() + WEEK), 0);
    assert!(planner.choose(start() + WEEK, 0).is_ok());
    planner.mark(ip("192.0.2.0"), start());
    planner.mark(ip("192.0.2.1"), start());
    planner.free(ip("192.0.2.1"));
    assert_eq!(last(&mut planner, 0), 1);
    planner.mark(ip("192.0.2.1"), start());
    planner.free_all();
    assert!(planner.choose(start(), 0).is_ok() && planner.failing(start()) == 0);
}

#[test]
fn load_balance_uses_all_addresses_but_failing_and_excluded_ones() {
    let blocks = ["192.0.2.0/30", "192.0.2.8/30"];
    let mut planner = excluding(Strategy::LoadBalance, &blocks, &["192.0.2.2"]);
    planner.mark(ip("192.0.2.9"), start());
    let used: BTreeSet<_> = (0..500).map(|seed| last(&mut planner, seed)).collect();
    assert_eq!(used, BTreeSet::from([0, 1, 3, 8, 10, 11]));
    assert_eq!(planner.status(start()).course, Course::Balancing);
}

#[test]
fn the_last_free_address_is_found_in_any_block() {
    for strategy in [Strategy::LoadBalance, Strategy::RotateOnBan] {
        let mut planner = planner(strategy, "192.0.2.0/24");
        for n in 0..=255 {
            let address = IpAddr::from([192, 0, 2, n]);
            if n != 77 {
                planner.mark(address, start());
            }
        }
        for seed in 0..50 {
            assert_eq!(last(&mut planner, seed), 77);
        }
        planner.mark(ip("192.0.2.77"), start());
        assert_eq!(planner.choose(start(), 0), Err(Exhausted));
    }
}

#[test]
fn nano_switch_counts_nanoseconds_in_any_network() {
    let mut planner = planner(Strategy::NanoSwitch, "2001:db8:1::/48");
    let later = start() + Duration::from_nanos(0x1_0002);
    let mut networks = BTreeSet::new();
    for seed in 0..100 {
        let IpAddr::V6(chosen) = planner.choose(later, seed).expect("free") else {
            panic!("an IPv6 block");
        };
        let [.., network, _, _, high, low] = chosen.segments();
        assert_eq!((high, low), (1, 2));
        assert!(planner.plan().blocks().contains(chosen.into()));
        networks.insert(network);
    }
    assert!(networks.len() > 50, "{networks:?}");
    let course = Course::Nano { offset: 0x1_0002 };
    assert_eq!(planner.status(later).course, course);
}

#[test]
fn rotating_nano_switch_goes_to_the_next_network_when_an_address_fails() {
    let mut planner = planner(Strategy::RotatingNanoSwitch, "2001:db8::/63");
    let at = |nanos| start() + Duration::from_nanos(nanos);
    let first = planner.choose(at(5), 0).expect("free");
    assert_eq!(first, ip("2001:db8::5"));
    assert!(planner.mark(first, at(9)));
    // a request that left earlier, and is told late
    assert!(planner.mark(ip("2001:db8::4"), at(9)));
    let second = planner.choose(at(12), 0).expect("free");
    assert_eq!(second, ip("2001:db8:0:1::3"));
    let course = Course::RotatingNano {
        network: 1,
        offset: 3,
    };
    assert_eq!(planner.status(at(12)).course, course);
    planner.mark(second, at(20));
    assert_eq!(planner.choose(at(21), 0).expect("free"), ip("2001:db8::1"));
}

#[test]
fn what_is_no_address_of_the_blocks_is_not_marked() {
    let mut planner = planner(Strategy::RotateOnBan, "192.0.2.0/30");
    last(&mut planner, 0);
    assert!(!planner.mark(ip("198.51.100.1"), start()));
    assert!(!planner.mark(ip("2001:db8::1"), start()));
    assert_eq!((last(&mut planner, 0), planner.failing(start())), (0, 0));
}

#[test]
fn failing_addresses_are_bounded() {
    let mut planner = planner(Strategy::NanoSwitch, "2001:db8::/64");
    for n in 0..MAX_FAILING as u64 + 10 {
        let now = start() + Duration::from_secs(n);
        let chosen = planner.choose(now, n).expect("free");
        planner.mark(chosen, now);
    }
    assert_eq!(planner.status(start()).failing.len(), MAX_FAILING);
}

#[test]
fn a_strategy_that_cannot_work_with_its_blocks_is_refused() {
    let plan = |strategy, blocks: &[&str]| {
        let blocks = blocks.iter().map(|text| block(text)).collect();
        Plan::new(strategy, blocks, []).err()
    };
    for strategy in [Strategy::NanoSwitch, Strategy::RotatingNanoSwitch] {
        for small in ["192.0.2.0/24", "2001:db8::/65"] {
            assert_eq!(plan(strategy, &[small]), Some(Mistake::TooSmall));
        }
        assert_eq!(plan(strategy, &["2001:db8::/64"]), None);
    }
    let mixed = ["192.0.2.0/24", "2001:db8::/64"];
    let mistake = plan(Strategy::LoadBalance, &mixed);
    assert_eq!(mistake, Some(Mistake::Families));
}
