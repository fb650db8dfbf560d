//! What an operator allows: a request within the policy is granted.
