//! The table of roles and permissions.

use crate::api::Role;

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
}

impl Role {
    /// Each of them.
    pub const ALL: &[Self] = &[
        Self::Viewer,
        Self::Operator,
        Self::Deployer,
        Self::Admin,
        Self::Worker,
        Self::TrustedWorker,
    ];

    /// What its holders may do.
    pub const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Viewer => &[Permission::Read],
            Self::Operator => &[Permission::Read, Permission::Operate, Permission::Settle],
            Self::Deployer => &[Permission::Read, Permission::Operate, Permission::Deploy],
            Self::Admin => Permission::ALL,
            Self::Worker | Self::TrustedWorker => &[],
        }
    }

    /// Whether its holders may do this.
    pub fn may(self, permission: Permission) -> bool {
        self.permissions().contains(&permission)
    }

    /// Its stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Deployer => "deployer",
            Self::Admin => "admin",
            Self::Worker => "worker",
            Self::TrustedWorker => "trusted_worker",
        }
    }

    /// The role of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.as_str() == name)
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
            assert_eq!(Role::from_name(role.as_str()), Some(*role));
            let is_worker = matches!(role, Role::Worker | Role::TrustedWorker);
            assert_eq!(role.may(Permission::Read), !is_worker);
        }
        assert_eq!(Role::from_name("root"), None);
    }

    #[test]
    fn only_an_admin_makes_tokens_and_policies() {
        for permission in [Permission::Tokens, Permission::Govern, Permission::Audit] {
            let may: Vec<Role> = Role::ALL
                .iter()
                .copied()
                .filter(|role| role.may(permission))
                .collect();
            assert_eq!(may, [Role::Admin]);
        }
    }
}
