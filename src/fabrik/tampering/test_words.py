"""How tests, skips and assertions look in languages other than Python: one place for all patterns.

Each pattern is tried on one line of at most `text.MAX_LINE` characters.
"""

from __future__ import annotations

import re

# The first line of a test, normalised (one space between tokens).
TEST = re.compile(
    r"(?:export )?(?:"
    r"(?:it|test|specify|describe|context|suite|Deno \. test|bench)"
    r"(?: \. (?:each|concurrent|sequential|todo|skip))* [(`\"]"
    r"|func (?:\( \w+ \*? ?\w+ \) )?(?:Test|Benchmark|Example|Fuzz)\w* \("
    r"|func test\w* \("
    r"|# \[ (?:\w+ : : )*(?:test|rstest|test_case|bench)\b.*"
    r"|@ (?:Test|ParameterizedTest|RepeatedTest|Property|Theory)\b.*"
    r"|\[ (?:Fact|Theory|Test|TestMethod|TestCase)\b.*"
    r"|(?:public |private |protected |static |async )*(?:void|Task|fun|function) [Tt]est\w* \("
    r"|(?:TEST|TEST_F|TEST_P|TEST_CASE|SCENARIO|BOOST_AUTO_TEST_CASE) \("
    r"|test \"|Scenario:|Scenario Outline:|@ test "
    r")"
)
# The same with indentation, for languages without brackets.
HASH_TEST = re.compile(
    r"\s*(?:@test ['\"]|(?:it|test|describe|context|specify|feature|scenario)[ (]+['\"]"
    r"|def test_\w+|async def test_\w+|class Test\w+|Scenario(?: Outline)?:|subtest ['\"]|test_that\()"
)
CONTAINER = re.compile(
    r"(?:export )?(?:describe|context|suite|class|mod|impl|namespace|object|struct|enum|extension|module|"
    r"(?:public |internal |abstract |final |open |sealed |static |partial |data |inner )+class|"
    r"(?:# \[|@|\[).*(?:cfg \( test|class|mod )|exports)\b"
)
HELPER = re.compile(
    r"(?:export )?(?:pub )?(?:async )?"
    r"(?:public |private |protected |internal |static |final |inline |const )*"
    r"(?:function|func|fn|fun|class|struct|interface|type|enum|const|let|val|var|void|def|record) "
    r"(?P<name>[A-Za-z_$][\w$]*)"
)
IMPORT = re.compile(
    r"(?:import|use|using|from|export \{|# include|@ testable import)\b"
    r"|const (?:\w+|\{ [\w ]+ \}) = require \("
)
ASSERTION = re.compile(
    r"(?:await |return )?(?:\w+ \. )?(?:expect|assert\w*|Assert|should|require|EXPECT_\w+|ASSERT_\w+|CHECK"
    r"|REQUIRE|debug_assert\w*|check|verify|XCTAssert\w*|must|t \. (?:Error|Errorf|Fatal|Fatalf)"
    r"|assertThat)\b",
)
ASSERTION_ANYWHERE = re.compile(
    r"\b(?:expect|assert\w*|Assert|should|require|EXPECT_\w+|ASSERT_\w+|CHECK|REQUIRE|XCTAssert\w*|refute\w*"
    r"|(?:t|b)\.(?:Errorf?|Fatalf?|Fail\w*)|must_\w+)\b"
)
SKIP = re.compile(
    r"(?<![.\w])x(?:it|test|describe|context|specify|scenario)\b *[('\"]"
    r"|\b(?:it|test|describe|context|suite|specify|scenario|Deno\.test)(?:\.\w+)*"
    r"\.(?:skip|todo|failing|fails|fixme|skipIf|runIf|ignore)\b"
    r"|\b[tb]\.Skip(?:f|Now)?\(|\btesting\.Short\(\)"
    r"|#!?\[\s*(?:ignore|cfg\s*\(\s*any\s*\(\s*\)|cfg_attr\([^)]*ignore)"
    r"|@(?:Disabled|Ignore|Ignored|DisabledIf\w*|DisabledOn\w*|EnabledIf\w*|EnabledOn\w*|Tag\(\"skip)\b"
    r"|\[\s*(?:Ignore|Explicit|Skip)\b|\bSkip\s*=\s*[\"$]"
    r"|\bXCTSkip|\bGTEST_SKIP|\bDISABLED_\w|\bmarkTest(?:Skipped|Incomplete)\b"
    r"|^\s*(?:skip|pending)\b(?!\s*[=:])|\bthis\.skip\(|@tag\s+:?skip|@moduletag\s+:?skip"
    r"|\bAssum(?:e|ptions)\.|^\s*//\s*(?:go:build|\+build)\b|@ts-nocheck"
)
ONLY = re.compile(
    r"(?<![.\w])f(?:it|describe|context)\b *\("
    r"|\b(?:it|test|describe|context|suite|specify|Deno\.test)(?:\.\w+)*\.only\b|\bonly:\s*true\b"
)
# What an added test may not do, since it would reach the others.
REACHING = re.compile(
    r"\b(?:jest|vi|mock) ?\. ?(?:mock|doMock|spyOn|setMock|unmock)\b|\bprocess ?\. ?exit\b|\bos ?\. ?Exit\b"
    r"|\bstd ?: ?: ?process ?: ?: ?exit\b|\bglobal(?:This)? ?\.|\bwindow ?\.|\bprototype\b"
    r"|\bObject ?\. ?define|\brequire ?\. ?cache\b|\b(?:before|after)(?:Each|All)?\b ?\("
    r"|\b(?:Before|After)(?:Each|All|Class)?\b"
    r"|\bfunc TestMain\b|\bfunc init ?\(|/\*|\*/|\bsetupFiles\b|\bSystem ?\. ?exit\b|\bexpect ?\. ?extend\b"
    r"|\b(?:at)?exit\b ?\(?|\b__END__\b|=begin\b"
)
