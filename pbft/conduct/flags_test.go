package conduct

import "flag"

var healthySlots = flag.Int("conduct.slots", 0, "slots of a healthy network to judge; 0 = the smoke test's")
