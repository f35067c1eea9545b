// Package validation answers whether a call, a framework, a task may be: pure functions from messages
// to errors.
//
// On the path it stands between a transport and the master's state. It changes nothing and knows no
// state but what is passed in. Errors are plain texts in the reference's words, because frameworks show
// them to people and tests match them; the master adds the code, or makes the text the message of a
// TASK_ERROR update. The order of checks is part of the contract: the first that fails is reported.
//
// Mesos: src/master/validation.cpp, src/common/validation.cpp, src/checks/checker.cpp.
package validation
