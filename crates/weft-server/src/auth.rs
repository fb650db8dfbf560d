//! Who a caller is and what it may do.
//!
//! A caller shows a bearer token, and the token's role decides. This module has
//! the only table of roles and permissions. Every operation names the permission
//! that it takes in its handler's arguments ([`By`]); an operation without one
//! can't name a caller.

mod first;
mod last_use;
mod permission;
mod remembered;
mod secret;

pub use {
    first::{FirstTokenError, create_admin_token, create_first_token, write_token_file},
    permission::Permission,
    secret::{Secret, SecretError},
};
pub(crate) use {
    last_use::LastUses,
    permission::{Auditing, Deploying, Governing, Needs, Operating, Reading, Settling, Tokens},
    remembered::Remembered,
};
