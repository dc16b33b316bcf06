"""What the sections must not say together: each check reads some sections and yields what is wrong."""

from collections.abc import Callable, Collection, Iterator

from gateway.settings import check_bridge, check_delivery, check_network, check_rules, check_sessions
from gateway.settings.faults import Finding
from gateway.settings.schema.root import Settings

Check = Callable[[Settings], Iterator[Finding]]

CHECKS: tuple[tuple[frozenset[str], Check], ...] = (
    (frozenset({"public_url"}), check_network.public_url_is_secure),
    (frozenset({"listen", "stores", "workers"}), check_network.embedded_is_alone),
    (frozenset({"stores"}), check_network.shared_stores_have_shared_secrets),
    (frozenset({"listen", "admin", "metrics"}), check_network.addresses_differ),
    (frozenset({"listen", "upstreams"}), check_network.upstream_is_somebody_else),
    (frozenset({"trusted_proxies"}), check_network.not_everybody_is_trusted),
    (frozenset({"cors"}), check_network.origins_are_secure),
    (frozenset({"routes", "upstreams"}), check_rules.routes_lead_somewhere),
    (frozenset({"routes", "prefix"}), check_rules.routes_leave_our_prefix),
    (frozenset({"routes"}), check_rules.routes_make_sense),
    (frozenset({"identity_headers"}), check_rules.identity_headers_are_free),
    (frozenset({"clients"}), check_rules.clients_make_sense),
    (frozenset({"clients", "dpop"}), check_rules.proofs_are_asked_for),
    (frozenset({"dpop", "stores"}), check_rules.proofs_count_once_everywhere),
    (frozenset({"dpop"}), check_rules.proofs_are_young),
    (frozenset({"delivery", "clients", "sessions", "tokens", "upstreams"}), check_delivery.tokens_can_be_delivered),
    (frozenset({"delivery", "public_url"}), check_delivery.cookie_domain_is_our_own),
    (frozenset({"tokens"}), check_rules.lifetimes_fit),
    (frozenset({"rates", "tokens"}), check_rules.limits_leave_time_for_a_retry),
    (frozenset({"tokens", "key_rotation"}), check_rules.keys_outlive_their_tokens),
    (frozenset({"issuers", "tokens", "public_url", "sessions"}), check_rules.issuers_are_told_apart),
    (frozenset({"issuers"}), check_network.keys_come_securely),
    (frozenset({"revocation", "stores"}), check_rules.foreign_blacklists_can_be_read),
    (frozenset({"revocation", "stores"}), check_rules.mirror_can_be_fed),
    (frozenset({"phase"}), check_rules.nobody_is_left_without_a_credential),
    (frozenset({"phase"}), check_rules.windows_open_before_they_close),
    (frozenset({"limits"}), check_rules.limits_let_requests_in),
    (frozenset({"sessions", "upstreams"}), check_sessions.sessions_belong_somewhere),
    (frozenset({"sessions", "upstreams"}), check_sessions.users_do_not_meet),
    (frozenset({"sessions"}), check_sessions.names_and_cookies_differ),
    (frozenset({"sessions"}), check_sessions.events_name_the_session),
    (frozenset({"sessions"}), check_sessions.unknown_users_are_not_forwarded),
    (frozenset({"sessions"}), check_sessions.claims_are_free),
    (frozenset({"sessions"}), check_sessions.options_fit_the_format),
    (frozenset({"sessions"}), check_sessions.users_can_be_looked_up),
    (frozenset({"sessions"}), check_bridge.form_protections_hold_together),
    (frozenset({"sessions"}), check_bridge.sessions_can_be_minted),
    (frozenset({"sessions", "clients"}), check_sessions.logins_can_be_replayed),
    (frozenset({"sessions", "tokens"}), check_sessions.sessions_can_be_exchanged),
)
"""Each check with the sections that it reads."""


def check(settings: Settings, faulty: Collection[str] = frozenset()) -> list[Finding]:
    """Run every check that reads none of the sections in `faulty`."""
    return [finding for sections, run in CHECKS if sections.isdisjoint(faulty) for finding in run(settings)]
