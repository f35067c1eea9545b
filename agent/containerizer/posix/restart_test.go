package posix

const agentVariable = "MESOKIT_TEST_AGENT_OF"

func actAsAgent() {}
