// Package deepcopy copies the messages that every task's life brings, several times faster than
// proto.Clone: status updates on their way to a callback, tasks on their way from one.
//
// The copies share nothing with the original, and know what proto.Clone knows: fields of a later
// version, too. What few messages have is left to proto.Clone. Most of the time goes into allocating, so
// what most messages have is one block of memory, which stays for as long as anything of it is used. A
// test fills every field of every message and compares.
package deepcopy
