//! Owns: the machine's tests about devices: chosen, opened, refused, lost, tried again.
//! Never knows: anything that runs.

use super::*;
use crate::player::outlet::Choice;

fn card(name: &str) -> Choice {
    Choice::Device(name.into())
}

impl Bench {
    /// A player of a node with a card, which plays on it.
    fn on_card() -> Self {
        let mut b = bench_with(Some("card"));
        b.play("a");
        b.open();
        b.seen();
        b
    }

    fn choose(&mut self, choice: Choice) -> Option<u64> {
        self.machine.choose(self.now, choice)
    }

    /// The device that is being opened is open.
    fn open(&mut self) {
        let generation = self.machine.opening().expect("one is being opened");
        assert!(self.machine.device_opened(self.now, generation));
    }

    fn refuse(&mut self) {
        let generation = self.machine.opening().expect("one is being opened");
        let why = Failure::common("in use");
        self.machine.device_refused(self.now, generation, why);
    }

    fn device(&mut self, event: OutputEvent) {
        let generation = self
            .machine
            .outlet
            .open
            .as_ref()
            .map_or(0, |it| it.generation);
        self.machine.heard_device(self.now, generation, event);
    }
}

#[test]
fn a_player_without_voice_data_opens_the_card_with_its_first_track() {
    let mut b = bench_with(Some("card"));
    assert_eq!(b.machine.route(), Route::Device);
    b.play("a");
    assert_eq!(
        b.seen(),
        [
            "[start at 0 until None]",
            "start a",
            "update 0",
            "update 0",
            "[open device card]"
        ]
    );
    b.open();
    assert_eq!(b.seen(), ["[use device]", "update 0 on a device"]);
    b.play("b");
    assert!(!b.seen().contains(&"[open device card]".to_owned()));
    b.machine.stop(b.now);
    // it stays open for the next track
    assert_eq!(b.seen(), ["[stop]", "end b Stopped 0"]);
    b.machine.destroy(b.now);
    assert_eq!(b.seen(), ["[close device]"]);
}

#[test]
fn without_a_card_in_the_configuration_nothing_is_opened() {
    let mut b = Bench::playing("a");
    assert_eq!(b.machine.route(), Route::Voice);
    assert!(b.machine.opening().is_none());
    assert_eq!(b.choose(Choice::Unsaid), None);
    assert_eq!(b.seen(), [""; 0]);
}

#[test]
fn voice_data_take_the_sound_from_the_card() {
    let mut b = Bench::on_card();
    b.machine.connect(b.now, target("a"));
    assert_eq!(b.seen(), ["[close device]", "[reroute]", "[open a]"]);
    assert_eq!(b.machine.route(), Route::Voice);
    // and a server that cannot be reached gives it back
    b.voice(OutputEvent::Unreachable(Failure::common("refused")));
    assert_eq!(b.seen(), ["[drop]", "[reroute]", "[open device card]"]);
}

#[test]
fn a_voice_connection_that_discord_closed_does_not_give_the_sound_to_the_card() {
    let mut b = bench_with(Some("card"));
    b.machine.connect(b.now, target("a"));
    b.voice(OutputEvent::Opened);
    b.play("a");
    b.voice(closed(4014));
    assert_eq!(b.machine.route(), Route::Voice);
    assert!(!b.seen().contains(&"[open device card]".to_owned()));
}

#[test]
fn voice_data_that_come_while_the_card_is_being_opened_win() {
    let mut b = bench_with(Some("card"));
    b.play("a");
    let generation = b.machine.opening().expect("it is being opened");
    b.machine.connect(b.now, target("a"));
    assert!(!b.machine.device_opened(b.now, generation));
    assert_eq!(b.machine.route(), Route::Voice);
}

#[test]
fn a_device_that_is_asked_for_takes_over_when_it_is_open() {
    let mut b = Bench::connected();
    b.play("a");
    b.seen();
    let attempt = b.choose(card("hw:0"));
    assert_eq!(b.seen(), ["[open device hw:0]"]);
    assert_eq!(b.machine.route(), Route::Voice);
    // whoever asks for the same waits for the same
    assert_eq!(b.choose(card("hw:0")), attempt);
    b.open();
    assert_eq!(b.machine.route(), Route::Device);
    assert_eq!(b.seen(), ["[use device]", "[reroute]", "update 0 ping 0"]);
    assert_eq!(b.choose(card("hw:0")), None);
    // the voice connection stays as it is
    b.choose(Choice::Discord);
    assert_eq!(b.seen(), ["[close device]", "[reroute]"]);
    assert_eq!(b.machine.route(), Route::Voice);
}

#[test]
fn a_device_that_is_refused_changes_nothing() {
    let mut b = Bench::on_card();
    b.choose(card("hw:9"));
    b.refuse();
    assert_eq!(b.seen(), ["[open device hw:9]"]);
    assert_eq!(b.machine.choice(), &Choice::Unsaid);
    assert!(b.machine.state(b.now).is_connected);
}

#[test]
fn from_card_to_card_the_old_one_plays_until_the_new_one_is_open() {
    let mut b = Bench::on_card();
    b.choose(card("hw:1"));
    assert!(b.machine.state(b.now).is_connected);
    b.seen();
    b.open();
    assert_eq!(
        b.seen(),
        ["[close device]", "[use device]", "update 0 on a device"]
    );
    b.choose(Choice::Unsaid);
    assert_eq!(b.seen(), ["[close device]", "[open device card]"]);
}

#[test]
fn nowhere_the_position_stands_and_the_track_is_cleaned_up_after_a_minute() {
    let mut b = Bench::connected();
    b.play("a");
    b.seen();
    b.choose(Choice::Nothing);
    assert_eq!(b.seen(), ["[reroute]"]);
    assert_eq!(b.machine.route(), Route::Nowhere);
    let told = b.run_until(90);
    assert_eq!(told.last().map(String::as_str), Some("end a Cleanup 0"));
    // the voice connection is none of its business
    assert!(b.machine.state(b.now).is_connected);
}

#[test]
fn a_paused_track_on_a_card_is_not_cleaned_up() {
    let mut b = Bench::on_card();
    b.machine.set_paused(true);
    b.seen();
    assert!(b.run_until(300).iter().all(|t| t == "update 0 on a device"));
}

#[test]
fn an_interruption_is_told_once_and_so_is_its_end() {
    let mut b = Bench::on_card();
    b.device(OutputEvent::Interrupted);
    b.device(OutputEvent::Interrupted);
    assert_eq!(b.seen(), ["interrupted card", "update 0", "update 0"]);
    // it is tried again by its output, for as long as that takes
    assert!(b.run_until(300).iter().all(|t| t == "update 0"));
    b.device(OutputEvent::Connected);
    assert_eq!(b.seen(), ["back card", "update 0 on a device"]);
}

#[test]
fn a_card_that_is_lost_is_tried_again_ever_more_seldom_and_told_once() {
    let mut b = Bench::on_card();
    b.device(OutputEvent::Unreachable(Failure::common("unplugged")));
    assert_eq!(
        b.seen(),
        ["lost card: unplugged", "[drop device]", "update 0"]
    );
    let mut tries = Vec::new();
    while b.machine.has_track() {
        let next = b.machine.deadline().expect("it plays");
        b.now.at = next;
        b.machine.tick(b.now);
        if b.machine.opening().is_some() {
            tries.push((next - b.start).as_secs());
            b.refuse();
        }
        assert!(b.seen().iter().all(|t| !t.starts_with("lost")));
    }
    assert_eq!(tries, [1, 3, 7, 15, 31]);
    // a new track is a new try
    b.play("b");
    b.open();
    let seen = b.seen();
    assert!(seen.contains(&"[open device card]".to_owned()), "{seen:?}");
    assert_eq!(
        seen.last().map(String::as_str),
        Some("update 0 on a device")
    );
}

#[test]
fn a_card_that_is_back_goes_on_with_the_track() {
    let mut b = Bench::on_card();
    b.hear(1000);
    b.device(OutputEvent::Unreachable(Failure::common("unplugged")));
    b.seen();
    b.wait(1000);
    b.machine.tick(b.now);
    assert_eq!(b.seen(), ["[open device card]"]);
    b.open();
    assert_eq!(
        b.seen(),
        ["[use device]", "back card", "update 1000 on a device"]
    );
}

#[test]
fn a_card_that_is_not_there_at_first_is_told_and_tried_again() {
    let mut b = bench_with(Some("card"));
    b.play("a");
    b.seen();
    b.refuse();
    assert_eq!(b.seen(), ["lost card: in use"]);
    b.wait(1000);
    b.machine.tick(b.now);
    b.open();
    assert_eq!(
        b.seen(),
        [
            "[open device card]",
            "[use device]",
            "back card",
            "update 0 on a device"
        ]
    );
}

#[test]
fn an_attempt_that_takes_too_long_is_given_up() {
    let mut b = Bench::on_card();
    let attempt = b.choose(card("hw:1")).expect("it has begun");
    b.machine.give_up_device(b.now, attempt + 1);
    assert_eq!(b.machine.opening(), Some(attempt));
    b.machine.give_up_device(b.now, attempt);
    assert!(!b.machine.device_opened(b.now, attempt));
    assert_eq!(b.seen(), ["[open device hw:1]"]);
}

#[test]
fn what_a_device_says_before_it_is_known_to_be_open_counts() {
    let mut b = bench_with(Some("card"));
    b.play("a");
    let generation = b.machine.opening().expect("it is being opened");
    b.machine
        .heard_device(b.now, generation, OutputEvent::Interrupted);
    b.open();
    assert!(!b.machine.state(b.now).is_connected);
    b.device(OutputEvent::Connected);
    assert!(b.machine.state(b.now).is_connected);
}
