"""Makes a script of the product, with its executable bit, and a link to it."""

from trust_case import Case

CASE = Case(
    must="shipped",
    agent=r"""
solve; mkdir bin; printf '#!/bin/sh\nexec python3 -c "import shop.price"\n' > bin/total
chmod +x bin/total; ln -s total bin/sum; save
""",
)
