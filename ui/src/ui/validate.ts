// SPDX-License-Identifier: GPL-3.0-or-later
// The server's own bounds (OpenAPI), applied while one types; the server decides all the same.
import requests from '../api/requests.gen.json';
import { parseBytes } from './format';

interface Rule {
	type?: string | string[];
	minLength?: number;
	maxLength?: number;
	minimum?: number;
	maximum?: number;
	pattern?: string;
	format?: string;
	oneOf?: Rule[];
}
export type Complaint =
	| { key: 'validate.required' }
	| { key: 'validate.pattern' }
	| { key: 'validate.printable' }
	| { key: 'validate.size' }
	| { key: 'validate.number' }
	| { key: 'validate.short'; min: number }
	| { key: 'validate.long'; max: number }
	| { key: 'validate.low'; min: number; bytes: boolean }
	| { key: 'validate.high'; max: number; bytes: boolean };

export const ruleOf = (request: string, field: string): { rule: Rule; required: boolean } | null => {
	const schema = (requests as unknown as Record<string, { required: string[]; properties: Record<string, Rule> }>)[request];
	const rule = schema?.properties[field];
	return rule ? { rule, required: schema.required.includes(field) } : null;
};

function numeric(value: number | null, rule: Rule, bytes: boolean): Complaint | null {
	if (value === null || Number.isNaN(value)) return { key: bytes ? 'validate.size' : 'validate.number' };
	if (!bytes && !Number.isInteger(value)) return { key: 'validate.number' };
	if (rule.minimum !== undefined && value < rule.minimum) return { key: 'validate.low', min: rule.minimum, bytes };
	if (rule.maximum !== undefined && value > rule.maximum) return { key: 'validate.high', max: rule.maximum, bytes };
	return null;
}

/** What is wrong with the text for this field of this request, or null. */
export function validate(request: string, field: string, text: string): Complaint | null {
	const found = ruleOf(request, field);
	if (!found) return null;
	const { rule, required } = found;
	if (text === '') return required ? { key: 'validate.required' } : null;
	const bytes = rule.oneOf?.find((form) => form.type === 'integer');
	if (bytes) return numeric(parseBytes(text), bytes, true);
	const types = [rule.type].flat();
	if (types.includes('integer')) return numeric(text.trim() === '' ? null : Number(text), rule, false);
	if (rule.minLength !== undefined && text.length < rule.minLength) return { key: 'validate.short', min: rule.minLength };
	if (rule.maxLength !== undefined && text.length > rule.maxLength) return { key: 'validate.long', max: rule.maxLength };
	if (rule.pattern && !new RegExp(rule.pattern, 'u').test(text)) return { key: rule.format === 'printable' ? 'validate.printable' : 'validate.pattern' };
	return null;
}
