"""A small shop that misbehaves on purpose, watched by a real colony and a real agent.

`coral demo` starts three child processes on loopback: a colony, an agent and the shop. The shop is
six services that call each other over real HTTP and send real OTLP (OpenTelemetry SDK) to the agent.
Two faults are built in: `payments` has a slow SQL call, `orders` fails some requests. Then the demo
runs the latency report by `coral run`, as a user would.

    children.py       start, watch and stop a child process; none survives its parent
    launch.py         the commands of colony, agent and shop, and what they say when ready
    examples.py       finds the example scripts, in a wheel or in a checkout
    readiness.py      waits until the colony knows enough about every service
    local_state.py    makes the demo's colony the local one, for `coral run` without flags
    orchestrate.py    the whole demo, from nothing to the report
    options.py        what the user can choose
    shop/             what runs inside the shop's process

May import: `client`, `embedded`, `config` and the leaf modules. The shop imports nothing of Coral but
`demo.shop` itself, so that it is the same as any user's service.
"""
