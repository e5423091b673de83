//! Owns: the difference between a field that is absent and one that is there.
//! Never knows: which field.

/// A field of a PATCH: an absent one changes nothing.
///
/// What `null` means depends on the field (reference, 2.1): it is an error where `T` cannot be null, and a value
/// (`Present(None)`) in an `Omissible<Option<T>>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Omissible<T> {
    /// The key is not there.
    #[default]
    Absent,
    /// The key is there.
    Present(T),
}

impl<T> Omissible<T> {
    /// Whether the key is there.
    #[must_use]
    pub const fn is_present(&self) -> bool {
        matches!(self, Self::Present(_))
    }

    /// The value, if the key is there.
    #[must_use]
    pub fn present(self) -> Option<T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Absent => None,
        }
    }

    /// Borrows the value.
    #[must_use]
    pub const fn as_ref(&self) -> Omissible<&T> {
        match self {
            Self::Present(value) => Omissible::Present(value),
            Self::Absent => Omissible::Absent,
        }
    }

    /// The value, or another one where the key is absent.
    #[must_use]
    pub fn or(self, other: T) -> T {
        self.present().unwrap_or(other)
    }
}

impl<T> From<Option<T>> for Omissible<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Present)
    }
}
