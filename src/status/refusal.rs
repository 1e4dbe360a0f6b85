//! Why a request is not served. The texts are those scripts know from mod_jk.

use thiserror::Error;

/// Why a request is not served.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// The user is not on the list.
    #[error("Access denied.")]
    Access,
    /// The body of a POST cannot be used.
    #[error("The body is not what it says: {0}")]
    Body(&'static str),
    /// There is no such command.
    #[error("Invalid command.")]
    Command,
    /// Another site sent the browser here.
    #[error("This command is not allowed from another site.")]
    CrossSite,
    /// There is no such format.
    #[error("Invalid mime type.")]
    Mime,
    /// `sw` is empty.
    #[error("EMPTY sub worker param")]
    NoMember,
    /// `w` is missing or empty.
    #[error("NULL or EMPTY worker param")]
    NoWorker,
    /// The member is not in error.
    #[error("Marking worker for recovery failed")]
    NotInError,
    /// The worker is read only.
    #[error("This command is not allowed in read only mode.")]
    ReadOnly,
    /// The worker cannot be reset.
    #[error("Reset failed")]
    Reset,
    /// The balancer has no such member.
    #[error("could not find sub worker")]
    UnknownMember,
    /// There is no such worker.
    #[error("Could not find given worker")]
    UnknownWorker,
    /// Somebody else has changed a value since the form was made.
    #[error("{0} has been changed meanwhile; nothing was changed now")]
    Stale(String),
    /// A parameter cannot be decoded.
    #[error("Error during parsing of URI")]
    Unreadable,
    /// A value is not allowed; nothing was changed.
    #[error("Update failed: {0}")]
    Update(String),
    /// The worker has no settings.
    #[error("Update failed")]
    UpdateKind,
    /// Only `update` takes patterns.
    #[error("wildcard not allowed in sub worker for this command")]
    Wildcard,
    /// An ajp13 worker has no members.
    #[error("worker type has no sub workers")]
    WithoutMembers,
}

impl Refusal {
    /// Returns the status for html and json; xml, txt and prop keep 200.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Access | Self::CrossSite | Self::ReadOnly => 403,
            Self::UnknownMember | Self::UnknownWorker => 404,
            Self::NotInError | Self::Stale(_) => 409,
            Self::Body(_)
            | Self::Command
            | Self::Mime
            | Self::NoMember
            | Self::NoWorker
            | Self::Reset
            | Self::Unreadable
            | Self::Update(_)
            | Self::UpdateKind
            | Self::Wildcard
            | Self::WithoutMembers => 400,
        }
    }
}
