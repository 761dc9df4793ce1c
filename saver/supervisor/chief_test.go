package supervisor_test

const chiefProcess = "TFKEEP_TEST_CHIEF"

func chiefMain() int { return 0 }
