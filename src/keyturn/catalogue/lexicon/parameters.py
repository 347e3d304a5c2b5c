"""The parameters that :mod:`keyturn.catalogue.lexicon` knows, and the words of a description. They can only raise."""

from keyturn.catalogue.lexicon.objects import touching, words
from keyturn.core.profile import Touches

EXECUTORS = words(
    "bash cmd cmdline code command command_line commandline commands custom_script cypher eval expression graphql"
    " inline_script lambda_function manifest manifests playbook_id playbook_name powershell python runbook"
    " runbook_id script script_content script_id script_name script_text scripts shell source_code spl sql"
    " sql_query sql_statement statement statements workflow workflow_id workflow_name"
)
"""What they hold is run as it is given."""
EXECUTOR_PAIRS = (
    ("endpoint", "method"), ("method", "body"), ("method", "payload"), ("path", "method"), ("query", "write"),
    ("uri", "method"), ("url", "body"), ("url", "headers"), ("url", "method"),
)  # fmt: skip
"""Together they call anything."""
SENDERS = words(
    "bcc callback_url cc email_to mail_to notify notify_users recipient recipient_address recipient_email"
    " recipient_emails recipients send_email send_mail send_to to_address to_addresses to_email to_emails"
    " to_recipients webhook_url"
)
"""Whoever they name is told something."""
SENDER_PAIRS = (
    ("channel", "message"), ("channel", "text"), ("channel_id", "message"), ("channel_id", "text"),
    ("chat_id", "message"), ("chat_id", "text"), ("subject", "body"), ("to", "body"), ("to", "message"),
    ("to", "subject"), ("to", "text"),
)  # fmt: skip
"""Together they send."""
ACTORS = words(
    "acknowledge block close create_alert create_incident create_ticket delete destroy disable force isolate kill"
    " move overwrite purge quarantine remove reset revoke send terminate wipe"
)
"""A parameter that begins so makes the call do it."""
WRITTEN = words(
    "action assigned_to audit_comment comment comments determination disposition due_date internal_note"
    " justification message note notes operation overwrite reason resolution ttl work_note work_notes"
)
"""A change is told so: what it writes, or why."""
WRITING = words("append change edit new")
"""A parameter that begins so names the value to come."""
WRITTEN_LAST = words("add append block delete remove set update")
"""A parameter that ends in "to" and one of these names what is changed."""
SAVERS = words(
    "dest_path destination destination_folder destination_path download_dir download_folder download_folder_path"
    " download_location download_path folder_path_to_save local_path output_dir output_directory output_file"
    " output_folder output_path path_to_save save_as save_path save_to save_to_path target_path"
)
"""Where the call writes what it read."""
QUERIES = words(
    "advanced_query aql aql_query custom_query dsl eql esql hunting_query kql kusto kusto_query lcql ldap_filter"
    " ldap_query osquery promql_expression raw_query search_expression soql udm_query wql xql xql_query"
)
"""A free query in some language."""
TELLING = touching(
    {
        Touches.SECRETS: words("credential keytab secret"),
        Touches.PRIVILEGED_DATA: words(
            "attachment conversation csv directory document emails event filepath folder log logs mail mailbox"
            " mails path pcap process recipient sender sql subject table telemetry thread transcript"
        ),
    }
)
"""Parts of a parameter's name that say what a read reads."""
CHOOSING = words("filter filters limit prefix role score type types")
"""A parameter that ends so only chooses among it."""
TOLD = touching(
    {
        Touches.SECRETS: words("cleartext credential passphrase password plaintext secret"),
        Touches.PRIVILEGED_DATA: words(
            "attachment binary browser capture chat clipboard conversation cookie custody download eml evidence"
            " folder forensic forensics hunt inbox keystroke log mail mailbox memory message msg packet pcap"
            " persistence prefetch raw recipient sample script sql transcript udm upload"
        ),
        Touches.EVIDENCE: words("custody ediscovery evidence forensic forensics"),
    }
)
"""Words of a description that say that a read reads what is sensitive."""
KINDS: dict[str, str] = {
    name: kind
    for kind, names in (
        ("host", "host hostname hostnames host_id hostid host_name computer_name device device_id device_ids"),
        ("host", "machine_id endpoint_id agent_id aid"),
        ("user", "user username user_id userid user_name upn account account_name"),
        ("group", "group group_id group_name"),
        ("role", "role role_id role_name"),
        ("ip", "ip ip_address ipaddress ips ip_addresses cidr"),
        ("domain", "domain domains domain_name fqdn"),
        ("url", "url urls uri"),
        ("file", "hash file_hash sha256 sha1 md5 hashes file_id file_path filename"),
        ("alert", "alert_id alert_ids alertid detection_id"),
        ("case", "case_id caseid incident_id incidentid investigation_id"),
        ("ticket", "ticket_id ticketid issue_key issue_id"),
        ("rule", "rule_id rule_name ruleid"),
        ("policy", "policy_id policy_name policyid"),
        ("secret", "secret secret_id secret_name key_id"),
        ("mailbox", "mailbox email email_address"),
        ("message", "message_id email_id mail_id recipient recipients"),
        ("list", "list_id list_name watchlist_id watchlist_name"),
        ("instance", "instance_id instance_ids vm_id vm_name"),
        ("namespace", "namespace"),
        ("cluster", "cluster cluster_name cluster_id"),
        ("process", "process_id pid"),
        ("repository", "repo repository"),
        ("project", "project_id project_key"),
        ("channel", "channel channel_id channel_name"),
        ("bucket", "bucket bucket_name"),
    )
    for name in names.split()
}
"""Parameters that name what a call is about, and of what kind."""
