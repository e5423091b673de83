//! Owns: the names of processors by the numbers in their identification register.
//! Never knows: where the numbers are read.
//!
//! `/proc/cpuinfo` shows two fields of MIDR_EL1 (Arm Architecture Reference Manual, D24.2): who designed the processor, and which
//! it is. The numbers of Arm's own stand in each processor's Technical Reference Manual.

/// Arm's code for itself.
const ARM: u32 = 0x41;

/// Arm's processors.
const PARTS: &[(u32, &str)] = &[
    (0xb36, "ARM1136"),
    (0xb56, "ARM1156"),
    (0xb76, "ARM1176"),
    (0xb02, "ARM11 MPCore"),
    (0xc05, "Cortex-A5"),
    (0xc07, "Cortex-A7"),
    (0xc08, "Cortex-A8"),
    (0xc09, "Cortex-A9"),
    (0xc0d, "Cortex-A12"),
    (0xc0e, "Cortex-A17"),
    (0xc0f, "Cortex-A15"),
    (0xd01, "Cortex-A32"),
    (0xd02, "Cortex-A34"),
    (0xd03, "Cortex-A53"),
    (0xd04, "Cortex-A35"),
    (0xd05, "Cortex-A55"),
    (0xd06, "Cortex-A65"),
    (0xd07, "Cortex-A57"),
    (0xd08, "Cortex-A72"),
    (0xd09, "Cortex-A73"),
    (0xd0a, "Cortex-A75"),
    (0xd0b, "Cortex-A76"),
    (0xd0c, "Neoverse-N1"),
    (0xd0d, "Cortex-A77"),
    (0xd0e, "Cortex-A76AE"),
    (0xd40, "Neoverse-V1"),
    (0xd41, "Cortex-A78"),
    (0xd42, "Cortex-A78AE"),
    (0xd44, "Cortex-X1"),
    (0xd46, "Cortex-A510"),
    (0xd47, "Cortex-A710"),
    (0xd48, "Cortex-X2"),
    (0xd49, "Neoverse-N2"),
    (0xd4a, "Neoverse-E1"),
    (0xd4b, "Cortex-A78C"),
    (0xd4d, "Cortex-A715"),
    (0xd4e, "Cortex-X3"),
    (0xd4f, "Neoverse-V2"),
    (0xd80, "Cortex-A520"),
    (0xd81, "Cortex-A720"),
    (0xd82, "Cortex-X4"),
];

/// Others that design processors of the Arm architecture (the same manual).
const DESIGNERS: &[(u32, &str)] = &[
    (0x42, "Broadcom"),
    (0x43, "Cavium"),
    (0x46, "Fujitsu"),
    (0x48, "HiSilicon"),
    (0x4e, "NVIDIA"),
    (0x50, "Applied Micro"),
    (0x51, "Qualcomm"),
    (0x53, "Samsung"),
    (0x56, "Marvell"),
    (0x61, "Apple"),
    (0xc0, "Ampere"),
];

/// A processor's name, or what is known of it.
pub fn name(designer: u32, part: u32) -> String {
    let find = |list: &[(u32, &'static str)], number| {
        let mut list = list.iter();
        list.find(|(known, _)| *known == number).map(|it| it.1)
    };
    if designer == ARM {
        return find(PARTS, part).map_or_else(|| format!("Arm {part:#x}"), str::to_owned);
    }
    let designer =
        find(DESIGNERS, designer).map_or_else(|| format!("designer {designer:#x}"), str::to_owned);
    format!("{designer} {part:#x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_manuals_have_names() {
        // main ID registers as the Technical Reference Manuals give them: 0x410FD034, 0x410FC075, 0x410FB767, 0x414FD0B1
        assert_eq!(name(0x41, 0xd03), "Cortex-A53");
        assert_eq!(name(0x41, 0xc07), "Cortex-A7");
        assert_eq!(name(0x41, 0xb76), "ARM1176");
        assert_eq!(name(0x41, 0xd0b), "Cortex-A76");
        assert_eq!(name(0x41, 0xfff), "Arm 0xfff");
        assert_eq!(name(0x51, 0x800), "Qualcomm 0x800");
        assert_eq!(name(0x99, 0x1), "designer 0x99 0x1");
    }
}
