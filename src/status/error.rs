//! Why a request is not served. The texts are those scripts know from mod_jk.

use thiserror::Error;

/// Why a request is not served.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum StatusError {
    /// The user is not on the list.
    #[error("Access denied.")]
    Access,
    /// The body of a POST cannot be used.
    #[error("The request body cannot be used: {0}")]
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
    /// A parameter of a change is there twice, perhaps under two names.
    #[error("{0} is set twice; nothing was changed")]
    Repeated(String),
    /// httpd was restarted, and the child that got the request still has the configuration of before.
    #[error("httpd was restarted in the meantime; nothing was changed: repeat the request")]
    Restarted,
    /// Another request changed a value since the form was made.
    #[error(
        "{0} was changed in the meantime by another request; nothing was changed: reload the page and repeat the change"
    )]
    Stale(String),
    /// A change has a parameter that is not known.
    #[error("unknown parameter '{0}'; nothing was changed")]
    Unknown(String),
    /// A parameter cannot be decoded.
    #[error("Error during parsing of URI")]
    Unreadable,
    /// The value of a parameter is not allowed; nothing was changed.
    #[error("Update failed: {parameter}: {why}")]
    Value {
        /// The parameter's own name.
        parameter: &'static str,
        /// Its name as it was sent: another one with `att`.
        sent: String,
        /// What is wrong with the value.
        why: String,
    },
    /// A change is not possible; nothing was changed.
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

impl StatusError {
    /// Refuses the value of a parameter.
    pub fn value(parameter: &'static str, why: String) -> Self {
        Self::Value { parameter, sent: parameter.to_owned(), why }
    }

    /// Says under which name a value was sent.
    pub fn sent_as(self, name: &str) -> Self {
        match self {
            Self::Value { parameter, why, .. } => {
                Self::Value { parameter, sent: name.to_owned(), why }
            }
            other => other,
        }
    }

    /// Returns the status for html and json; xml, txt and prop keep 200.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Access | Self::CrossSite | Self::ReadOnly => 403,
            Self::UnknownMember | Self::UnknownWorker => 404,
            Self::NotInError | Self::Stale(_) => 409,
            Self::Restarted => 503,
            Self::Body(_)
            | Self::Command
            | Self::Mime
            | Self::NoMember
            | Self::NoWorker
            | Self::Repeated(_)
            | Self::Reset
            | Self::Unknown(_)
            | Self::Unreadable
            | Self::Update(_)
            | Self::UpdateKind
            | Self::Value { .. }
            | Self::Wildcard
            | Self::WithoutMembers => 400,
        }
    }
}
