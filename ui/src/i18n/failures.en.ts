// SPDX-License-Identifier: GPL-3.0-or-later
// Why work failed that was under way, by the codes of the API, and what to do: other words than for a call that is refused. What
// to do may be another thing for a kind of resource ("failureRemedy.machine.timeout").
import type { Code } from '../api/problem';

/** Every code of the server has both; the others are the browser's own, of calls alone. */
type Failed = Exclude<Code, 'offline' | 'unanswered'>;
export type FailureKey = `failure.${Failed}` | `failureRemedy.${Failed}`;

export const failuresEn = {
	'failure.busy': 'Too much was under way',
	'failure.cancelled': 'It was cancelled',
	'failure.capacity': 'There was not enough room',
	'failure.corrupt': 'Something was not as its checksum or signature says',
	'failure.credentials': 'The credentials were refused',
	'failure.exists': 'There was something of that name already',
	'failure.forbidden': 'It was not allowed',
	'failure.internal': 'Something went wrong that should not',
	'failure.invalid': 'What was asked for cannot be done as it is',
	'failure.not-found': 'Something that it needs was not there',
	'failure.rate-limit': 'It was tried too often',
	'failure.revision': 'It was changed meanwhile',
	'failure.state': 'Something was in the way',
	'failure.timeout': 'It took too long',
	'failure.too-large': 'It was too large',
	'failure.unauthenticated': 'It was not known who asks',
	'failure.unreachable': 'What it needs did not answer',
	'failure.unsupported': 'This is not supported there',
	'failureRemedy.busy': 'Try again in a moment.',
	'failureRemedy.cancelled': 'Ask for it again if it is still wanted.',
	'failureRemedy.capacity': 'Free some room, or add nodes or disks, then try again.',
	'failureRemedy.corrupt': 'Get what is named from its source again, then try again.',
	'failureRemedy.credentials': 'Correct user and password, then try again.',
	'failureRemedy.exists': 'Remove or rename what is named, then try again.',
	'failureRemedy.forbidden': 'Have an administrator look at it.',
	'failureRemedy.internal': 'Try again; if it happens again, look at the task’s log and the provisioner’s.',
	'failureRemedy.invalid': 'Ask for it anew, with what is named put right.',
	'failureRemedy.not-found': 'See that what is named is there, then try again.',
	'failureRemedy.rate-limit': 'Wait a little, then try again.',
	'failureRemedy.revision': 'Look at it again, then try again.',
	'failureRemedy.state': 'Put right what is named, then try again.',
	'failureRemedy.timeout': 'Try again; if it happens again, look at the task’s log for where it stood still.',
	'failureRemedy.too-large': 'Ask for it anew, with less.',
	'failureRemedy.unauthenticated': 'Install the machine again, so that it joins anew.',
	'failureRemedy.unreachable': 'See that what is named has power and network, then try again.',
	'failureRemedy.unsupported': 'Another machine, or a newer version of its firmware, may do it.',
	'failureRemedy.bmc.credentials': 'Correct user and password of the BMC’s range in the settings.',
	'failureRemedy.bmc.unreachable': 'See that the BMC has power and network, and that its address is still this machine’s.',
	'failureRemedy.image.corrupt': 'Upload the image again.',
	'failureRemedy.machine.capacity': 'Deploy it to a larger disk.',
	'failureRemedy.machine.corrupt': 'Put the right bundle of the host image in place, restart the provisioner, then deploy again.',
	'failureRemedy.machine.timeout': 'Look at the machine’s console for where it stands still: whether it boots from the network, and gets an address. Then try again.',
	'failureRemedy.machine.unreachable': 'See that the machine and its BMC have power and network, then try again.',
	'failureRemedy.node.credentials': 'Its agent is let in no more: install it again from the medium, with a join token.',
	'failureRemedy.vm.capacity': 'Stop a virtual machine, take one with less memory, or add a node.',
	'failureRemedy.vm.unreachable': 'See that its node has power and network; it comes right when the node answers.',
	'failureRemedy.volume.unreachable': 'Look at the pool: when it is active again, try again.',
} satisfies Record<FailureKey, string> & Record<string, string>;
