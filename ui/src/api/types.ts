// SPDX-License-Identifier: GPL-3.0-or-later
// Short names for what the OpenAPI document describes.
import type { components } from './openapi.gen';

type Schemas = components['schemas'];
export type Machine = Schemas['machine'];
export type BmcRange = Schemas['bmc_range'];
export type Node = Schemas['node'];
export type Pool = Schemas['pool'];
export type Volume = Schemas['volume'];
export type Image = Schemas['image'];
export type Network = Schemas['network'];
export type Vm = Schemas['vm'];
export type Task = Schemas['task'];
export type Event = Schemas['event'];
export type EventCode = keyof typeof import('./events.gen.json');
export type ResourceProblem = Schemas['problem'];

export interface Resources {
	machines: Machine;
	'bmc-ranges': BmcRange;
	nodes: Node;
	pools: Pool;
	volumes: Volume;
	images: Image;
	networks: Network;
	vms: Vm;
	tasks: Task;
}
export type Collection = keyof Resources;

export interface Page<T> {
	items: T[];
	next: string | null;
	total?: number;
}

/** The word an event or a task has for a resource, and the collection it is in. */
export const collectionOf: Record<string, Collection> = {
	machine: 'machines',
	bmc_range: 'bmc-ranges',
	node: 'nodes',
	pool: 'pools',
	volume: 'volumes',
	image: 'images',
	network: 'networks',
	vm: 'vms',
	task: 'tasks',
};

export type Session = Schemas['session'];
export type User = Schemas['user'];
export type Token = Schemas['token'];
export type Audit = Schemas['audit'];
export type Role = User['role'];
export type JoinToken = Schemas['join_token'];
export type EventLog = Schemas['machine_sel'];
export type PoolUsage = Schemas['pool_usage'];
export type Sensors = Schemas['machine_sensors'];
export type ConsoleTicket = Schemas['console_ticket'];
export type CloudInitVerdict = Schemas['cloud_init_verdict'];
export type ImageContent = Schemas['image_content'];
