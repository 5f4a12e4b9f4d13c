"""Ralph's loop on the user's own project and branch: a fresh session for each iteration, checked by the host.

order       what a loop was asked to do, sealed
asking      `fabrik loop …` becomes a run: what is there is read, checked and sealed
carry_out   the loop itself: iterations until a bound, an empty plan, a budget, or no progress
build       one iteration that builds: session, checks, required tests, and back, within its attempts
planning    one iteration that plans: nothing but the plan may come of it
landing     what was accepted comes to the user's branch, with its tag and its push
pushing     pushes, beside the next iteration
stuck       no progress, or slow progress? (pure)
tags        which version tag comes next (pure)
"""
