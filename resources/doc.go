// Package resources is the algebra of what a cluster shares: cpus, memory, disks, ports and whatever
// else agents declare, with the reservations, volumes and roles attached to it. No I/O.
//
//	offer := resources.MustParse("cpus:4;mem:2048;ports:[31000-32000]")
//	task := resources.MustParse("cpus:1;mem:128")
//	if offer.Contains(task) {
//		left := offer.Sub(task) // cpus:3; mem:1920; ports:[31000-32000]
//	}
//
// # Values
//
// [Resources] is a collection, an immutable value: the zero value is empty, methods return new values,
// and any number of goroutines may read it. Its entries are [Resource] values. A [Scalar] has three
// decimals, exactly, as Mesos rounds them; [Ranges] and [Set] are canonical slices that values share.
//
// Two entries are one when added only if all but their amounts is equal: name, reservations, disk,
// whether revocable or shared, provider, and the role allocated to. This identity is a pointer that
// entries share, so comparing is cheap; MOUNT and BLOCK disks and persistent volumes are never merged
// nor divided. Entries have a fixed order, so equal collections print equally, whatever their history.
// (The reference keeps the order in which things happened to be added. What makes no difference to
// it, such as the order of labels, stays as the first of the merged entries had it.)
//
// [Accumulator] is the mutable counterpart for hot paths: adding and subtracting scalars in place
// allocates nothing. [Quantities] and [Limits] are plain amounts by name, for shares and quotas.
//
// # Edges
//
// Everybody from the allocator to the offer book holds Resources; messages are converted at the edges
// with [FromProto] and [Resources.Proto]. FromProto checks all that a peer sends and accepts both formats
// of reservations: the old one (role and reservation) and the new one (a stack in reservations, which
// can be refined for subroles). Inside there is only the new one; [Resources.ProtoPreRefinement] is for
// peers that don't know it. Text comes in through [Parse] and, for --resources, [ParseFlag].
//
// [Conversions] says what an offer operation does; [Resources.Apply] does it.
//
// Errors that say why something is not legal use the reference's words, since frameworks see them.
//
// Source: Mesos src/common/resources.cpp, resources_utils.cpp, values.cpp, roles.cpp,
// resource_quantities.cpp; "Mesos: ..." in comments names the function.
package resources
