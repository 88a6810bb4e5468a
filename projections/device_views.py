"""The views about devices: what was sent and came back, and which devices there are."""

from typing import Final

from schemas.devices import BUSY_CODES

_BUSY: Final = " ".join(f"WHEN '{name}' THEN {code}" for name, code in BUSY_CODES.items())

DEVICE_PROBES: Final = """
CREATE VIEW device_probes AS
SELECT probe.topic, probe."partition", probe."offset", probe.source, probe.event_id,
    probe.happened_at, probe.appended_at, probe.address, probe.port, probe.protocol, probe.unit,
    probe.slot, coalesce(exchange.sent.transport, probe.transport) AS transport, probe.path,
    probe.outcome AS probe_outcome,
    exchange.number, exchange.sent.outcome AS outcome, exchange.sent.code AS code,
    exchange.sent.meaning AS meaning,
    exchange.sent.reply_us AS reply_us, exchange.sent.request AS request,
    exchange.sent.response AS response, probe.evidence, probe.vendor_id, probe.vendor,
    probe.device_type, probe.device_type_name, probe.product_code, probe.product, probe.revision,
    probe.simulator, probe.decoder_version, probe.run_id
FROM device_probed probe LEFT JOIN (
    SELECT "partition", "offset", unnest(list_zip(generate_series(1, len(sent)), sent)) AS pair,
        pair[1] AS number, pair[2] AS sent
    FROM (SELECT "partition", "offset", from_json(exchanges, '[{"request": "VARCHAR",
        "response": "VARCHAR", "reply_us": "BIGINT", "outcome": "VARCHAR", "code": "BIGINT",
        "meaning": "VARCHAR", "transport": "VARCHAR"}]')
        AS sent FROM device_probed)
) exchange USING ("partition", "offset")
"""
"""A row an exchange; a probe that exchanged nothing has one row without one."""

# What a device is, is what it said last; that it was silent since changes nothing about that.
DEVICE_INVENTORY: Final = """
CREATE VIEW device_inventory AS
WITH seen AS (
    SELECT address, port, protocol, unit, slot, count(*) AS probes,
        min(happened_at) AS first_seen, max(happened_at) AS last_probed,
        max(happened_at) FILTER (outcome IN ('identified', 'answered')) AS last_seen,
        arg_max(outcome, {'at': happened_at, 'offset': "offset"}) AS last_outcome
    FROM device_probed GROUP BY address, port, protocol, unit, slot
), known AS (
    SELECT *, row_number() OVER (PARTITION BY address, port, protocol, unit, slot
        ORDER BY happened_at DESC NULLS LAST, "offset" DESC) AS back
    FROM device_probed WHERE outcome IN ('identified', 'answered')
)
SELECT known.topic, known."partition", known."offset", known.source, known.event_id,
    known.happened_at, known.appended_at, known.address, known.port, known.protocol, known.unit,
    known.slot, known.units, known.evidence, known.vendor_id, known.vendor, known.device_type,
    known.device_type_name, known.product_code, known.product, known.revision, known.serial,
    known.mac, known.status, known.state, known.simulator, seen.probes, seen.first_seen,
    seen.last_seen, seen.last_probed, seen.last_outcome
FROM known JOIN seen ON (known.address, known.port, known.protocol)
    = (seen.address, seen.port, seen.protocol)
    AND known.unit IS NOT DISTINCT FROM seen.unit AND known.slot IS NOT DISTINCT FROM seen.slot
WHERE known.back = 1
"""

DISCOVERY_RUNS: Final = """
CREATE VIEW discovery_runs AS
SELECT run.*, coalesce(done.probes, 0) AS probes, coalesce(done.identified, 0) AS identified
FROM discovery_started run LEFT JOIN (
    SELECT run_id, count(*) AS probes, count(*) FILTER (outcome = 'identified') AS identified
    FROM device_probed GROUP BY run_id) done USING (run_id)
"""

# A probe that failed is compared with the one before it, one that answered with the last that did.
DEVICE_CHANGES: Final = """
CREATE VIEW device_changes AS
WITH probe AS (
    SELECT * REPLACE (CASE WHEN serial SIMILAR TO '0*' THEN NULL ELSE serial END AS serial),
        outcome = 'identified' AS is_met,
        outcome IN ('silent', 'refused', 'unreachable') AS is_lost,
        concat_ws('/', vendor_id::VARCHAR, coalesce(vendor, ''), device_type::VARCHAR,
            coalesce(product_code, '')) AS sort
    FROM device_probed WHERE happened_at IS NOT NULL
        AND outcome IN ('identified', 'silent', 'refused', 'unreachable')
), compared AS (
    SELECT *,
        lag(is_met) OVER place AS was_met,
        CASE WHEN is_met THEN lag(sort) OVER met END AS sort_before,
        CASE WHEN is_met THEN lag(serial) OVER met END AS serial_before,
        CASE WHEN is_met THEN lag(revision) OVER met END AS revision_before,
        CASE WHEN is_met AND serial IS NOT NULL THEN lag(address) OVER serial END AS address_before
    FROM probe
    WINDOW place AS (PARTITION BY address, port, protocol, slot
            ORDER BY happened_at, "offset"),
        met AS (PARTITION BY address, port, protocol, unit, slot, is_met
            ORDER BY happened_at, "offset"),
        serial AS (PARTITION BY protocol, sort, serial, is_met ORDER BY happened_at, "offset")
), named AS (
    SELECT *, CASE
        WHEN is_lost AND was_met THEN 'gone'
        WHEN NOT is_met THEN NULL
        WHEN address_before <> address THEN 'moved'
        WHEN sort_before IS NULL THEN 'new'
        WHEN sort_before <> sort OR serial_before <> serial THEN 'replaced'
        WHEN revision_before <> revision THEN 'firmware'
        END AS change
    FROM compared
)
SELECT topic, "partition", "offset", source, event_id, happened_at, appended_at, change, address,
    port, protocol, unit, slot, vendor, product_code, product, revision, serial, revision_before,
    serial_before, address_before, run_id
FROM named WHERE change IS NOT NULL
"""

# A device that was busy or cut the connection is fragile until somebody says later that it is not.
DEVICE_RESTRICTIONS: Final = f"""
CREATE VIEW device_restrictions AS
WITH stated AS (
    SELECT network, fragile, windows, timezone, who, notes, happened_at AS since
    FROM device_restricted QUALIFY row_number() OVER (PARTITION BY network
        ORDER BY happened_at DESC NULLS LAST, source, event_id) = 1
), observed AS (
    SELECT address, port, max(happened_at) AS since, CASE WHEN bool_or(outcome = 'reset')
        THEN 'cut the connection' ELSE 'was busy' END AS notes
    FROM device_probes WHERE slot IS NULL AND (outcome = 'reset' OR outcome = 'exception'
        AND code = CASE protocol {_BUSY} END)
    GROUP BY address, port
)
SELECT 'stated' AS origin, network, NULL::BIGINT AS port, coalesce(fragile, false) AS fragile,
    windows, timezone, since, who, notes
FROM stated WHERE fragile OR len(windows) > 0
UNION ALL
SELECT 'observed', address, port, true, NULL, NULL, since, NULL, notes
FROM observed WHERE NOT EXISTS (FROM stated WHERE stated.network = observed.address
    AND NOT stated.fragile AND stated.since >= observed.since)
"""

DEVICE_VIEWS: Final = (
    *(DEVICE_PROBES, DEVICE_INVENTORY, DEVICE_CHANGES, DISCOVERY_RUNS),
    DEVICE_RESTRICTIONS,
)
