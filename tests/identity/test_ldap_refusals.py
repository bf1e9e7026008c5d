"""What the log says of a bind that was refused."""

from s3gateway.identity.ldap_refusals import lookup_refusal, refusal


def test_why_a_bind_is_refused() -> None:
    """Active Directory tells by Windows' error; what is not about the user says that the directory cannot serve."""
    windows = "80090308: LdapErr: DSID-0C090569, comment: AcceptSecurityContext error, data {}, v4563"
    assert refusal(49, windows.format("533")) == "the account is disabled"
    assert refusal(49, windows.format("52e")) == "wrong password"
    assert refusal(49, "") == "wrong password"
    assert [refusal(code, "") for code in (1, 3, 8, 51, 52, 80)] == [None] * 6


def test_why_the_lookup_account_is_refused() -> None:
    """So that the operator knows what to mend; Samba and Active Directory say 8 where there is no TLS."""
    assert (lookup_refusal(8), lookup_refusal(99)) == ("it wants TLS, or StartTLS", "result 99")
