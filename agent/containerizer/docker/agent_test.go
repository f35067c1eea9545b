package docker

const agentVariable = "MESOKIT_DOCKER_TEST_AGENT"

func runAgent() {}
