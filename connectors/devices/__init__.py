"""Devices: what they say of themselves, asked for by requests that only read.

The protocols (`modbus`, `cip`, `ethernetip`, `bootp`) are pure. What may be sent stands in
`allowed`, and where to in `targets`; `sender` holds every request against both, and is the only
module that opens a connection.
"""
