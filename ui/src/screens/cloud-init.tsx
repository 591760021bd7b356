// SPDX-License-Identifier: GPL-3.0-or-later
// What a new guest is given for cloud-init. The server itself says, while one types, what is wrong with it and in which line.
import { useEffect, useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { call } from '../api/client';
import type { CloudInitVerdict } from '../api/types';
import { AreaField, TextField, useComplaint } from '../ui/field';
import { useWords } from '../ui/words';

export interface CloudInit {
	hostname: string;
	userData: string;
	networkConfig: string;
	sshKeys: string;
}
export const noCloudInit: CloudInit = { hostname: '', userData: '', networkConfig: '', sshKeys: '' };

interface Input {
	user_data?: string;
	network_config?: string;
	ssh_keys?: string[];
}

/** Keys as authorized_keys files have them: one a line; empty lines and comments do not count. */
export const keysOf = (text: string): string[] =>
	text
		.split('\n')
		.map((line) => line.trim())
		.filter((line) => line !== '' && !line.startsWith('#'));

export function inputOf(form: CloudInit): Input {
	const keys = keysOf(form.sshKeys);
	return {
		...(form.userData ? { user_data: form.userData } : {}),
		...(form.networkConfig ? { network_config: form.networkConfig } : {}),
		...(keys.length > 0 ? { ssh_keys: keys } : {}),
	};
}

/** The part of the body of POST /v1/vms. */
export const bodyOf = (form: CloudInit) => ({ ...inputOf(form), ...(form.hostname ? { hostname: form.hostname } : {}) });

/** "user_data: line 3: ..." stands at the field already. */
export const withoutField = (field: string, text: string) => (text.startsWith(`${field}: `) ? text.slice(field.length + 2) : text);

const PAUSE_MS = 300;

/** What the server says of it, once nothing was typed for a moment. */
export function useVerdict(form: CloudInit) {
	const text = JSON.stringify(inputOf(form));
	const [settled, setSettled] = useState(text);
	useEffect(() => {
		const timer = setTimeout(() => setSettled(text), PAUSE_MS);
		return () => clearTimeout(timer);
	}, [text]);
	const verdict = useQuery({
		queryKey: ['cloud-init', settled],
		queryFn: ({ signal }) => call<CloudInitVerdict>('POST', '/v1/cloud-init/check', { body: JSON.parse(settled) as Input, signal }),
		enabled: settled !== '{}',
		gcTime: 0, // it may be secret
		staleTime: Infinity,
		refetchInterval: false,
	});
	const problems = settled === '{}' ? [] : (verdict.data?.problems ?? []);
	const complaint = (field: string): string | null => {
		const found = problems.find((problem) => problem.field === field);
		return found ? withoutField(field, found.text ?? '') : null;
	};
	return { complaint, bad: problems.length > 0, error: settled === '{}' ? null : verdict.error };
}

export function CloudInitFields(props: {
	form: CloudInit;
	onChange: (form: CloudInit) => void;
	complaint: (field: string) => string | null;
	error: unknown;
}) {
	const { t } = useWords();
	const complain = useComplaint();
	const { form } = props;
	const set = (part: Partial<CloudInit>) => props.onChange({ ...form, ...part });
	return (
		<>
			<TextField
				label={t('cloudInit.hostname')}
				request="vm_request"
				name="hostname"
				value={form.hostname}
				onChange={(hostname) => set({ hostname })}
				help={t('cloudInit.hostnameHelp')}
				error={props.error}
			/>
			<AreaField
				label={t('cloudInit.sshKeys')}
				request="vm_request"
				name="ssh_keys"
				rows={3}
				value={form.sshKeys}
				onChange={(sshKeys) => set({ sshKeys })}
				placeholder="ssh-ed25519 AAAA…"
				help={t('cloudInit.sshKeysHelp')}
				complaint={props.complaint('ssh_keys')}
				error={props.error}
			/>
			<AreaField
				label={t('cloudInit.userData')}
				request="vm_request"
				name="user_data"
				rows={10}
				value={form.userData}
				onChange={(userData) => set({ userData })}
				placeholder={'#cloud-config\npackages: [nginx]'}
				help={t('cloudInit.userDataHelp')}
				complaint={complain('vm_request', 'user_data', form.userData) ?? props.complaint('user_data')}
				error={props.error}
			/>
			<AreaField
				label={t('cloudInit.networkConfig')}
				request="vm_request"
				name="network_config"
				rows={4}
				value={form.networkConfig}
				onChange={(networkConfig) => set({ networkConfig })}
				placeholder="version: 2"
				help={t('cloudInit.networkConfigHelp')}
				complaint={complain('vm_request', 'network_config', form.networkConfig) ?? props.complaint('network_config')}
				error={props.error}
			/>
		</>
	);
}
