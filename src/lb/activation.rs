//! What the administrator wants of a member.

/// What the administrator set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// Takes all requests.
    #[default]
    Active,
    /// Takes only requests of its own sessions.
    Disabled,
    /// Takes none.
    Stopped,
}

impl Activation {
    /// Reads an activation as mod_jk does: by its first letter or digit.
    pub fn from_word(word: &str) -> Option<Self> {
        match word.bytes().next()?.to_ascii_lowercase() {
            b'a' | b'0' => Some(Self::Active),
            b'd' | b'1' => Some(Self::Disabled),
            b's' | b'2' => Some(Self::Stopped),
            _ => None,
        }
    }

    /// Tells whether a member takes requests of its own sessions.
    pub fn keeps_sessions(self) -> bool {
        self != Self::Stopped
    }

    /// Returns its name, as the file spells it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Disabled => "Disabled",
            Self::Stopped => "Stopped",
        }
    }

    /// Returns the code that goes to the backend and into notes.
    pub fn code(self) -> &'static str {
        match self {
            Self::Active => "ACT",
            Self::Disabled => "DIS",
            Self::Stopped => "STP",
        }
    }
}
