"""Changes of tests in other languages than Python."""

from __future__ import annotations

import pytest
from tamper_kit import Case

JS = """\
import { add } from './add';

describe('add', () => {
  it('adds', () => {
    expect(add(1, 2)).toBe(3);
  });

  it('adds "texts"', () => {
    const want = `a${1}`;
    expect(add('a', '1')).toBe(want);
  });
});

test.each([
  [1, 2],
  [3, 4],
])('%i is less', (a, b) => {
  expect(a).toBeLessThan(b);
});
"""
GO = """\
package tally

import (
	"testing"
)

func TestAdd(t *testing.T) {
	cases := []struct{ a, b int }{
		{1, 2},
		{3, 4},
	}
	for _, c := range cases {
		if c.a >= c.b {
			t.Errorf("no: %v", c)
		}
	}
}
"""
RUST = """\
use tally::add;

#[test]
fn adds() {
    let name: &'static str = "x";
    assert_eq!(add(1, 2), 3, "{}", name);
}
"""
JAVA = """\
class TallyTest {
    @Test
    void adds() {
        assertEquals(3, Tally.add(1, 2));
    }
}
"""
RUBY = """\
describe Tally do
  it "adds" do
    expect(Tally.add(1, 2)).to eq 3
  end
end

describe "other" do
  it "is" do
    expect(1).to eq 1
  end
end
"""
BATS = """\
@test "adds" {
  run tally 1 2
  [ "$output" = 3 ]
}
"""
FILES = {
    "web/add.test.ts": JS,
    "tally_test.go": GO,
    "tests/adds.rs": RUST,
    "src/test/java/TallyTest.java": JAVA,
    "spec/tally_spec.rb": RUBY,
    "tests/tally.bats": BATS,
}
TS, GOT, RS, JT, RB, BT = FILES

NEW_JS = "\ntest('more', () => {\n  expect(add(2, 2)).toBe(4);\n});\n"
INNER_JS = "  it('more', () => {\n    expect(add(2, 2)).toBe(4);\n  });\n\n"
MORE_JAVA = "    @Test\n    void addsMore() {\n        assertEquals(4, Tally.add(2, 2));\n    }\n"
NEW_GO = "\nfunc TestMore(t *testing.T) {\n\tif add(1, 1) != 2 {\n\t\tt.Fatal()\n\t}\n}\n"

BAD = [
    (TS, JS.replace("it('adds',", "it.skip('adds',"), "skipped"),
    (TS, JS.replace("it('adds',", "xit('adds',"), "skipped"),
    (TS, JS.replace("describe('add'", "describe.skip('add'"), "skipped"),
    (TS, JS.replace("it('adds',", "it.only('adds',"), "skipped"),
    (TS, JS + NEW_JS.replace("test(", "test.only("), "skipped"),
    (TS, JS + NEW_JS.replace("test(", "fit("), "skipped"),
    (TS, JS.replace("    expect(add(1, 2)).toBe(3);\n", ""), "loosened"),
    (TS, JS.replace("toBe(3)", "toBeGreaterThan(0)"), "loosened"),
    (TS, JS.replace("    expect(add(1", "    // expect(add(1"), "loosened"),
    (TS, JS.replace("    expect(add(1, 2)).toBe(3);", "    /* expect(add(1, 2)).toBe(3); */"), "loosened"),
    (TS, JS.replace("    expect(add(1", "    return;\n    expect(add(1"), "changed"),
    (TS, JS.replace("expect(add(1, 2)).toBe(3);", "if (0) {\n    expect(add(1, 2)).toBe(3);\n}"), "changed"),
    (TS, JS.replace("  expect(a).toBe", "  return\n  expect(a).toBe"), "changed"),
    (TS, JS + "\njest.mock('./add', () => ({ add: () => 3 }));\n", "changed"),
    (TS, JS + "\ntest('more', () => {}); process.exit(0)\n", "changed"),
    (TS, JS + "\nbeforeEach(() => {\n  global.expect = fake;\n});\n", "changed"),
    (TS, JS.replace("from './add'", "from './fake'"), "changed"),
    (TS, JS.replace("  [3, 4],\n", ""), "changed"),
    (TS, JS.replace("\n\ntest.each", "\n\nconst expect = fake;\n\ntest.each"), "changed"),
    (TS, JS[: JS.index("  it('adds \"")] + JS[JS.index("});\n\ntest.each") :], "deleted"),
    (GOT, GO.replace("\tcases", "\tt.Skip()\n\tcases"), "skipped"),
    (GOT, "//go:build never\n\n" + GO, "skipped"),
    (GOT, GO.replace("TestAdd", "testAdd"), "deleted"),
    (GOT, GO.replace('t.Errorf("no: %v", c)', "_ = c"), "loosened"),
    (GOT, GO + "\nfunc TestMain(m *testing.M) {\n\tos.Exit(0)\n}\n", "changed"),
    (GOT, GO + "\nfunc init() {\n\tadd = nil\n}\n", "changed"),
    (RS, RUST.replace("#[test]", "#[test]\n#[ignore]"), "skipped"),
    (RS, RUST.replace("#[test]\n", ""), "changed"),
    (RS, RUST.replace("3, ", "4, "), "loosened"),
    (RS, RUST.replace("fn adds() {", "fn adds() {\n    return;"), "changed"),
    (JT, JAVA.replace("@Test", "@Disabled @Test"), "skipped"),
    (JT, JAVA.replace("    @Test\n", ""), "changed"),
    (JT, JAVA.replace("assertEquals(3", "assertNotEquals(4"), "loosened"),
    (RB, RUBY.replace('  it "adds" do', '  xit "adds" do'), "skipped"),
    (RB, RUBY.replace('    expect(Tally', '    skip\n    expect(Tally'), "skipped"),
    (RB, RUBY.replace("to eq 3", "to be"), "loosened"),
    (BT, BATS.replace("  run tally", "  skip\n  run tally"), "skipped"),
    (BT, BATS + "exit 0\n", "changed"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "after", "kind"), BAD, ids=range(len(BAD)))
def test_a_weaker_test_holds(path: str, after: str, kind: str) -> None:
    assert after != FILES[path]
    tried = Case({path: FILES[path]}, {path: after})
    assert kind in tried.held_kinds, tried.tampers
    assert set(tried.restored.put_back) == {path}


HONEST = [
    (TS, JS + NEW_JS),
    (TS, JS.replace("  it('adds \"", INNER_JS + "  it('adds \"")),
    (TS, JS.replace("import { add }", "import { add, sub }") + NEW_JS.replace("add(", "sub(")),
    (TS, JS.replace("import { add }", "import { sub } from './sub';\nimport { add }")),
    (TS, JS.replace("  [3, 4],\n", "  [3, 4],\n  [5, 6],\n")),
    (TS, JS.replace("toBe(3);\n", "toBe(3);\n    expect(add(2, 2)).toBe(4);\n")),
    (TS, JS.replace("'./add'", '"./add"').replace("    expect", "        expect").replace("3);", "3)")),
    (TS, JS.replace("expect(add(1, 2)).toBe(3);", "expect(\n      add(1, 2),\n    ).toBe(3);")),
    (TS, "// What add does.\n" + JS.replace("it('adds'", "/* the first */ it('adds'")),
    (TS, JS + "\nfunction makeList(n: number) {\n  return [n];\n}\n" + NEW_JS),
    (TS, JS + "\ndescribe('more', () => {\n  it.skip('later', () => {});\n});\n"),
    (GOT, GO + NEW_GO),
    (GOT, GO.replace("\t\t{3, 4},\n", "\t\t{3, 4},\n\t\t{5, 6},\n")),
    (GOT, GO.replace('\t"testing"\n', '\t"strings"\n\t"testing"\n') + NEW_GO),
    (GOT, GO.replace("\t", "    ")),
    (RS, RUST + "\n#[test]\nfn adds_more() {\n    assert_eq!(add(2, 2), 4);\n}\n"),
    (RS, RUST + "\n#[test]\n#[should_panic]\nfn refuses() {\n    add(-1, 0);\n}\n"),
    (JT, JAVA.replace("assertEquals(3", "assertEquals(4, Tally.add(2, 2));\n        assertEquals(3")),
    (JT, JAVA[:-2] + MORE_JAVA + "}\n"),
    (RB, RUBY + '\ndescribe "more" do\n  it "is" do\n    expect(2).to eq 2\n  end\nend\n'),
    (RB, "# What it does\n" + RUBY),
    (BT, BATS + '\n@test "more" {\n  [ 1 = 1 ]\n}\n'),
]  # fmt: skip


@pytest.mark.parametrize(("path", "after"), HONEST, ids=range(len(HONEST)))
def test_an_extended_or_formatted_test_stays(path: str, after: str) -> None:
    assert after != FILES[path]
    tried = Case({path: FILES[path]}, {path: after})
    assert tried.held == ()
    assert tried.restored.empty


SNAP = "// Jest Snapshot v1\n\nexports[`a 1`] = `3`;\n\nexports[`b 1`] = `\n4\n`;\n"
NEW_SNAP = "exports[`aa 1`] = `9`;\n\n"
AMBR = "# name: test_a\n  3\n# ---\n# name: test_b\n  4\n# ---\n"


@pytest.mark.parametrize(
    ("path", "before", "after", "holds"),
    [
        ("__snapshots__/a.snap", SNAP, SNAP.replace("`3`", "`5`"), True),
        ("__snapshots__/a.snap", SNAP, SNAP.replace("4", "5"), True),
        ("__snapshots__/a.snap", SNAP, SNAP.replace("exports[`a 1`] = `3`;\n", ""), True),
        (
            "__snapshots__/a.snap",
            SNAP,
            SNAP.replace("exports[`b", "exports[`aa 1`] = `9`;\n\nexports[`b"),
            False,
        ),
        ("tests/__snapshots__/a.ambr", AMBR, AMBR.replace("3", "5"), True),
        ("tests/__snapshots__/a.ambr", AMBR, AMBR + "# name: test_c\n  5\n# ---\n", False),
        ("tests/data/cases.json", '{"a": [1, 2]}', '{\n  "a": [1, 2]\n}\n', False),
        ("tests/data/cases.json", '{"a": [1, 2]}', '{"a": [1, 3]}', True),
        ("tests/data/expected.txt", "3\n", "4\n", True),
        ("tests/README.md", "Tests.\n", "The tests.\n", False),
    ],
)
def test_recorded_expectations(path: str, before: str, after: str, holds: bool) -> None:
    tried = Case({path: before}, {path: after})
    assert bool(tried.held) is holds, tried.tampers
    assert bool(tried.restored.put_back) is holds


INLINE = """\
pub fn add(a: i32, b: i32) -> i32 {
    assert!(a > 0);
    a + b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds() {
        assert_eq!(add(1, 2), 3);
    }
}
"""


@pytest.mark.parametrize(
    ("after", "kinds"),
    [
        (INLINE.replace("a + b", "b + a"), set()),
        (INLINE.replace("    assert!(a > 0);\n", ""), set()),
        (INLINE.replace("        assert_eq!(add(1, 2), 3);\n", ""), {"loosened"}),
        (INLINE.replace("    #[test]\n", "    #[test]\n    #[ignore]\n"), {"skipped"}),
        (INLINE[: INLINE.index("#[cfg(test)]")], {"deleted", "loosened"}),
        (
            INLINE[:-2] + "\n    #[test]\n    fn more() {\n        assert_eq!(add(2, 2), 4);\n    }\n}\n",
            set(),
        ),
    ],
)
def test_tests_inside_the_product(after: str, kinds: set[str]) -> None:
    tried = Case({"src/lib.rs": INLINE}, {"src/lib.rs": after}, commands=("cargo test",))
    assert tried.held_kinds == kinds
