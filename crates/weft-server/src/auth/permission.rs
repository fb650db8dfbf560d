//! The table of roles and permissions.

use weft_api::Role;

/// Something that an operation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Looking at DAGs, runs, instances, outputs, logs, names of variables, workers.
    Read,
    /// Triggering, cancelling, clearing, marking, waking, pausing, backfills.
    Operate,
    /// Setting variables, connections, pools.
    Settle,
    /// Deploying, activating, rolling back, deleting DAGs.
    Deploy,
    /// Changing the policy and what bounds the tenant, sending workers home.
    Govern,
    /// Making, listing and revoking tokens.
    Tokens,
    /// Reading the audit.
    Audit,
}

impl Permission {
    /// Each of them.
    pub const ALL: &[Self] = &[
        Self::Read,
        Self::Operate,
        Self::Settle,
        Self::Deploy,
        Self::Govern,
        Self::Tokens,
        Self::Audit,
    ];

    /// Its stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Settle => "settle",
            Self::Deploy => "deploy",
            Self::Govern => "govern",
            Self::Tokens => "tokens",
            Self::Audit => "audit",
        }
    }

    /// What the holder of a token with this role may do.
    pub const fn of_role(role: Role) -> &'static [Self] {
        match role {
            Role::Viewer => &[Self::Read],
            Role::Operator => &[Self::Read, Self::Operate, Self::Settle],
            Role::Deployer => &[Self::Read, Self::Operate, Self::Deploy],
            Role::Admin => Self::ALL,
            Role::Worker | Role::TrustedWorker => &[],
        }
    }

    /// Whether the holder of a token with this role has it.
    pub fn belongs_to(self, role: Role) -> bool {
        Self::of_role(role).contains(&self)
    }
}

/// A permission as a type, for [`super::By`].
pub(crate) trait Needs: Send + Sync + 'static {
    const PERMISSION: Permission;
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident = $permission:ident;)+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub(crate) enum $name {}
            impl Needs for $name {
                const PERMISSION: Permission = Permission::$permission;
            }
        )+
    };
}

needs! {
    /// See [`Permission::Read`].
    Reading = Read;
    /// See [`Permission::Operate`].
    Operating = Operate;
    /// See [`Permission::Settle`].
    Settling = Settle;
    /// See [`Permission::Deploy`].
    Deploying = Deploy;
    /// See [`Permission::Govern`].
    Governing = Govern;
    /// See [`Permission::Tokens`].
    Tokens = Tokens;
    /// See [`Permission::Audit`].
    Auditing = Audit;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_a_name_that_reads_back_and_may_read_unless_it_is_a_workers() {
        for role in Role::ALL {
            let is_worker = matches!(role, Role::Worker | Role::TrustedWorker);
            assert_eq!(Permission::Read.belongs_to(*role), !is_worker);
        }
        assert_eq!(Role::from_name("root"), None);
    }

    #[test]
    fn only_an_admin_makes_tokens_and_policies() {
        for permission in [Permission::Tokens, Permission::Govern, Permission::Audit] {
            let may: Vec<Role> = Role::ALL
                .iter()
                .copied()
                .filter(|role| permission.belongs_to(*role))
                .collect();
            assert_eq!(may, [Role::Admin]);
        }
    }
}
