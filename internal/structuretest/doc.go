// Package structuretest holds the tests that read the sources: what the compiler can't hold the
// module to.
//
// Imports: the roles meet in messages, not in imports; a heavy library has one importer; a program
// that imports scheduler alone stays small. Each rule is a row with its reason.
//
// Purity: what runs on a loop reads time and random numbers from it, starts no goroutine, holds no
// lock, and lets no map's order show, so that the same seed gives the same run. Each exemption is a
// row with its reason, and a row that exempts nothing any more fails, too.
//
// It has no code of its own for others.
package structuretest
