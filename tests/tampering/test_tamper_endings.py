"""Code in languages other than Python that ends the process in which it is tested."""

from __future__ import annotations

import pytest
from tamper_kit import Case, Content

BASE: dict[str, Content] = {"lib/slug.js": "exports.slug = (s) => s;\n", "test/slug.test.js": "x\n"}
BAD = {
    "lib/a.js": "exports.slug = (s) => s;\nprocess.exit(0);\n",
    "lib/b.js": "process.on('exit', () => { process.exitCode = 0; });\n",
    "lib/c.js": "process.on('uncaughtException', () => {});\n",
    "lib/d.ts": "process.once('unhandledRejection', function () { return; });\n",
    "lib/e.js": "exports.slug = (s) => { process.exit(); };\n",
    "lib/f.js": "exports.slug = function (s) { if (s) { process.exit(s.length) } };\n",
    "lib/g.js": "process.reallyExit(0);\n",
    "lib/h.mjs": "setTimeout(() => process.exit(0), 0);\n",
    "lib/i.js": "process.kill(process.pid, 'SIGKILL');\n",
    "lib/j.js": "process['exit'](0);\n",
    "lib/k.js": "globalThis.process.exit(0);\n",
    "lib/l.js": "if (process.env.X) process.exitCode = 0;\n",
    "lib/m.js": "if (require.main === module) { run(); }\nprocess.exit(0);\n",
    "lib/n.rb": "def slug(s)\n  exit!\nend\n",
    "lib/o.rb": "at_exit { exit 0 }\n",
    "src/p.rs": "pub fn slug() {\n    std::process::exit(0);\n}\n",
}
HONEST = {
    "lib/a.js": "const x = 1;\nif (require.main === module) { console.log(1); process.exit(0); }\n",
    "lib/b.js": "process.on('uncaughtException', (e) => { console.error(e); process.exit(1); });\n",
    "lib/c.js": "process.on('SIGTERM', () => { server.close(() => process.exit(0)); });\n",
    "lib/d.ts": "function usage(): void { console.log('x'); process.exit(0); }\n",
    "lib/e.js": "process.on('exit', () => { fs.rmSync(dir); });\n",
    "lib/f.js": "if (major < 18) { process.exit(1); }\n",
    "bin/g.js": "#!/usr/bin/env node\nmain();\nprocess.exit(0);\n",
    "lib/h.js": "// process.exit(0)\nconst s = 'process.exit(0)'; x.process.exit(0);\n",
    "lib/i.js": "async function main() { process.exit(await go()); }\n",
    "lib/j.js": "process.on('uncaughtException', fail);\nfunction fail(e) { process.exit(1); }\n",
    "lib/k.js": "process.on('unhandledRejection', (e) => { throw e; });\n",
    "lib/l.rb": "exit!(1)\nat_exit { clean }\n",
    "src/main.rs": "fn main() {\n    std::process::exit(0);\n}\n",
    "test/x.test.js": "test('x', () => {});\n",
}


@pytest.mark.parametrize("path", BAD)
def test_what_ends_the_process_holds(path: str) -> None:
    tried = Case(BASE, BASE | {path: BAD[path]}, commands=("npm test",))
    assert tried.held_kinds == {"hook"}, tried.tampers


@pytest.mark.parametrize("path", HONEST)
def test_programs_and_handlers_may_end_it(path: str) -> None:
    assert Case(BASE, BASE | {path: HONEST[path]}, commands=("npm test",)).held == ()
