"""What anybody in the team may read, as :mod:`keyturn.catalogue.lexicon` knows it in names.

A word here makes a read mild, so a word in doubt stands in no list, and then explains nothing.
"""

from keyturn.catalogue.lexicon.objects import words

PLAIN = words(
    "abuse acl actor addon address adversary advisory agent aggregate alarm alert alias aliases allowed allowlist"
    " ami analyses analysis analyst analyzer annotation anomaly antivirus app appliance application approver"
    " architecture asn assessment asset assignee attack attribution autoscaling availability balancer bandwidth"
    " banner base64 baseline beacon behavior behaviour benchmark bgp bios blacklist blocked blocklist blueprint"
    " board bot botnet branch brand bucket build bulletin campaign capability case catalog categories category"
    " certification changelog chart check checklist cidr class classification cluster cmdb codeowner collaborator"
    " collection column commit commonality company completeness compliance component computer configuration_profile"
    " connection connection_status connectivity consent container contract contributor control controller country"
    " coverage cpe cpu crd credit cron cronjob currency cve cvss cwe daemonset dashboard datacenter decoy defect"
    " denylist dependabot dependency deployment description desk detection detector deviation device dhcp digest"
    " discussion distro dns dnssec documentation domain domainname edl elb enclave encryption endpoint enforcement"
    " engagement engine enrichment entity epic epss equipment escalation evaluation exception exclusion exemption"
    " expiration expiry exploit exploitability exploitation exposure extension facet family fault favicon feature"
    " feed field finding fingerprint firewall firmware fix flag fleet footprint fork form fqdn framework fraud"
    " galaxy gap gateway geo geoip geolocation glossary governance gpu grade graph group_policy guardrail guidance"
    " guide guideline hardening hardware hash health heartbeat heatmap helm hierarchy honeypot host hostname hotfix"
    " https hub hygiene hypervisor icon impact impersonator imphash incident indicator infrastructure ingestion"
    " ingress instance intel intelligence interface intrusion inventory investigation ioc iot ip ipam ipset ipv4"
    " ipv6 isolated isolation isp issue issuer ja3 job jurisdiction kb kev keyword kpi kubernetes lag landscape"
    " language latency lease library license lifecycle likelihood limit lineage listener locale location logo"
    " lookalike machine maintainer maintenance malop malware map mapping matrix maturity md5 measurement mention"
    " metric microservice milestone misconfiguration mitigation mitre model module monitor motive mx nameserver"
    " namespace nat neighbor neighbour netblock network networkacl news nic node nodegroup noise ns nvd objective"
    " observable offence offense oncall operation operator option org organisation organization origin os outage"
    " outbreak outlier package panel parser partition patch patching path percentile performance perimeter phase"
    " phishing ping plan platform playbook plugin pod policy pool popularity port position posture preference prefix"
    " prevention pricing printer priority probability problem procedure product project propagation protection"
    " protocol proximity proxy ptr publisher pulse quarantined queue quorum quota rack range ranking ransomware rate"
    " rating ratio rdap reachability readiness recommendation regex region registrant registrar regulation relation"
    " relationship release reliability remediation replica repo report_template reporter repository reputation"
    " requester requirement reservation resolution resolver responder retention reviewer revision risk roadmap"
    " roster rotation route router routing rule rulebase ruleset saas sanction sandbox sbom scan scanner scenario"
    " schedule scheme scope score scorecard scoring sector securitygroup segment selector sensor sentiment series"
    " server service setting severity sha1 sha256 shard shift sighting sigma signature silence site sitemap skill"
    " sku sla slo snapshot snort software specification spf sprint ssdeep ssl stage stakeholder standard statefulset"
    " statistic status statuses step strategy subcategory subdomain submission subnet subnetwork subscription"
    " subsystem sum supplier supply surface suricata switch symbol syntax system tactic tag takedown target task"
    " taxonomy tcp team technique technology template tenancy tenant term theme threat threshold ticket tier"
    " timestamp timezone tld tlp tls topology tracker transition tree trend trust ttl ttp type typosquat unit"
    " upstream uptime urgency uri url usage utilization validity variant vector vendor verdict version vhost victim"
    " violation vip virtualization vlan vm volume vpc vuln vulnerability waf waiver warninglist watcher watchlist"
    " weakness webapp website whitelist whoami whois widget workflow workgroup workitem workload worklog worksheet"
    " workspace workstation yara_rule zeroday zone"
)
"""Objects that anybody in the team may read: alerts, hosts, rules, indicators, settings, threat intelligence."""
FILLING = words(
    "a about access across action actionable active actual additional administrative advanced affected after"
    " against aggregated agile ago aks all alto among an and android any api approved archived are as asm assigned"
    " associated association assurance asynchronous at attribute authenticated authorized auto automated automatic"
    " available aws azure based basic batch before begin behind benign beta between both bottom brief builtin bulk"
    " business by cached catalog certain changed checked child clean cloud cloudwatch collected combined common"
    " communication complete completed comprehensive computed configured connected containing cortex count created"
    " critical cross curated current custom customization customized daily data date day days deceptive deep default"
    " deleted delivery deployed deprecated detailed detect detected different direct disabled discovered distinct"
    " distribution does down due duplicate during dynamic each ecs effective either eks eligible enabled end ended"
    " enhanced enriched entire environment epp error every exact excluded executed existing expanded expired"
    " expiring express extended external extra failed favorite featured field filtered final finished fired first"
    " flagged followed following for found frequent from full fully future gcp general generic given gke global"
    " google grouped here hidden high highlight historic historical hosting hour hourly how id identifier imported"
    " in inbound included including incoming indexed individual infected inherited initial inline inside insight"
    " installed interesting internal into invalid involved ioa it item its joiner k8 k8s kind known label large last"
    " latest layer least legacy less level linked linux list listed local long low mac macos main major malicious"
    " managed many match matched matching max maximum me members merged method microsoft min minimum minor minute"
    " minutes missing ml mode modified monitored month monthly more most multiple mutual my name native nearby"
    " nested new next non normal not notification now number observed of offline old oldest on one ongoing online"
    " only open operation optional or ordered orphan orphaned other out outbound outdated outgoing over overall"
    " override own owned paginated paging palo parent part partial particular past pattern pending per period"
    " permitted pool popular possible potential preferred prerequisite present prevalence preview previous primary"
    " prior prioritized private processed promql property protected provided public published quick rank ready real"
    " received recent recently recommended reference registered regular regulatory related relevant remote report"
    " reported requested required resolved restricted risky root running same scope secondary secure security seen"
    " selected self set several severe short signal similar simple simplified since single size some sorted source"
    " specific stale standalone starred started static still stream submitted such summarized support supported"
    " suppressed suspected suspicious synced tagged targeted that the their them these this those time timeframe"
    " timerange title to today tool toolkit top total tracked trending triage triggered trusted unassigned"
    " unauthorized under unhealthy unique unit unknown unmanaged unprotected unread unresolved unsupported untrusted"
    " unused upcoming updated uploaded upon use used using uuid v1 v2 v3 v4 valid validated verified virus"
    " visibility visible vulnerable was web week weekly were when where which who whole whose windows with within"
    " without xdr year yearly yesterday your"
)
"""Words beside the objects that change nothing about what is read."""
_RECORDS = words(
    "alarm alert analysis case detection device discussion finding incident investigation issue report status"
    " ticket version vulnerability"
)
_JUDGED = words("analysis analyzer assessment check compliance detonation evaluation sandbox scan task test")
_PAIRS = words(
    "access-request address-object artifact-definition browser-extension case-artifact change-request code-quality"
    " code-scanning command-status container-image destination-ip dns-record email-address email-customization"
    " email-domain email-security email-setting error-page event-category event-source file-hash file-info file-list"
    " file-name file-prevalence file-related file-report hosting-history hunting-rule image-vulnerability in-page"
    " list-entry log-group log-level log-stream log-type network-share out-page password-method pki-issuer"
    " pull-request query-language query-syntax reference-list reference-set repository-tree response-policy"
    " reverse-email service-object service-request sign-in sign-out source-ip ssl-certificate time-entry"
    " tls-certificate"
)
HARMLESS = frozenset(
    {
        *((one, other) for one, _, other in (pair.partition("-") for pair in _PAIRS)),
        *((record, said) for record in _RECORDS for said in ("comment", "history", "note", "timeline")),
        *((judged, "result") for judged in _JUDGED),
    }
)
"""Pairs of words that take the edge off a sensitive one: names and kinds of things, not what is in them."""
ABOUT = words(
    "behavior behaviour count definition domain health label limit pattern permission policy quota reference"
    " reputation restriction retention role rule ruleset schema severity size stat statistic status tag template"
    " type verdict"
)
"""Behind a sensitive word these say that something about it is read, not itself."""
LISTED = words(
    "attachment bucket channel commit database dataset drive driver file flow folder gist hunt image label"
    " notification object page pipe query report script search share table"
)
"""What is sensitive to open, but not to list by name."""
CRITERIA = words("against at between by for from in on per under using via within")
"""Behind one of these begins another part of the name, which must be explained by itself."""
