//! Who a caller is and what it may do.
//!
//! A caller shows a bearer token, and the token's role decides. The table of
//! roles and permissions stands here, once; every operation names the
//! permission that it takes in its handler's arguments ([`By`]), so that an
//! operation without one doesn't see a caller at all.

mod caller;
mod first;
mod permission;
mod secret;

pub(crate) use {
    caller::{By, Caller, authenticate, role_of, stored_role, token},
    permission::{Auditing, Deploying, Governing, Operating, Reading, Settling, Tokens},
};
pub use {
    first::{FirstTokenError, create_admin_token, create_first_token, write_token_file},
    permission::Permission,
    secret::{Secret, SecretError},
};
