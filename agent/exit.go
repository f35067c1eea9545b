package agent

import (
	"fmt"
	"syscall"

	"github.com/mesokit/mesokit/agent/containerizer"
)

// exitText says how a supervised task ended, in the words of the reference's executors. Nil if nobody
// knows.
func (s *supervisor) exitText(t containerizer.Termination) *string {
	what := "Command"
	if s.docker {
		what = "Container"
	}
	var text string
	switch {
	case !t.Exited && t.Message != "":
		text = t.Message
	case !t.Exited:
		return nil
	case t.WaitStatus.Signaled():
		text = fmt.Sprintf("%s terminated with signal %s", what, signalText(t.WaitStatus.Signal()))
		if t.WaitStatus.CoreDump() {
			text += " (core dumped)"
		}
	default:
		text = fmt.Sprintf("%s exited with status %d", what, t.WaitStatus.ExitStatus())
	}
	return &text
}

// signalText is what strsignal(3) of the C library says, which is in the reference's messages.
func signalText(s syscall.Signal) string {
	if text, ok := signalTexts[s]; ok {
		return text
	}
	if s >= 34 && s <= 64 {
		return fmt.Sprintf("Real-time signal %d", s-34)
	}
	return fmt.Sprintf("Unknown signal %d", int(s))
}

var signalTexts = map[syscall.Signal]string{
	syscall.SIGHUP: "Hangup", syscall.SIGINT: "Interrupt", syscall.SIGQUIT: "Quit",
	syscall.SIGILL: "Illegal instruction", syscall.SIGTRAP: "Trace/breakpoint trap",
	syscall.SIGABRT: "Aborted", syscall.SIGBUS: "Bus error", syscall.SIGFPE: "Floating point exception",
	syscall.SIGKILL: "Killed", syscall.SIGUSR1: "User defined signal 1", syscall.SIGSEGV: "Segmentation fault",
	syscall.SIGUSR2: "User defined signal 2", syscall.SIGPIPE: "Broken pipe", syscall.SIGALRM: "Alarm clock",
	syscall.SIGTERM: "Terminated", syscall.SIGCHLD: "Child exited",
	syscall.SIGCONT: "Continued", syscall.SIGSTOP: "Stopped (signal)", syscall.SIGTSTP: "Stopped",
	syscall.SIGTTIN: "Stopped (tty input)", syscall.SIGTTOU: "Stopped (tty output)",
	syscall.SIGURG: "Urgent I/O condition", syscall.SIGXCPU: "CPU time limit exceeded",
	syscall.SIGXFSZ: "File size limit exceeded", syscall.SIGVTALRM: "Virtual timer expired",
	syscall.SIGPROF: "Profiling timer expired", syscall.SIGWINCH: "Window changed",
	syscall.SIGIO: "I/O possible", syscall.SIGSYS: "Bad system call",
}
