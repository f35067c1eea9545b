// Package e2e tests the example programs as a user meets them: built, and run as separate processes on
// this machine's loopback. It holds tests only.
//
// Its tests look at nothing but what programs show: lines of output, exit statuses, answers of HTTP
// endpoints, files in sandboxes, the engine's list of containers. They wait for such facts, never for a
// time. A test that needs a Docker Engine is skipped without one, and fails if MESOKIT_REQUIRE names
// docker.
package e2e
