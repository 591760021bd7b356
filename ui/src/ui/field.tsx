// SPDX-License-Identifier: GPL-3.0-or-later
// A field of a form: its bounds are checked while one types, and what the server says of it is shown beside it.
import { useId, useState, type ReactNode } from 'react';
import { asProblem } from '../api/problem';
import { FormGroup, FormHelperText, FormSelect, FormSelectOption, HelperText, HelperTextItem, TextArea, TextInput } from '../pf';
import { validate } from './validate';
import { useWords } from './words';

export function useComplaint() {
	const { t, bytes } = useWords();
	return (request: string, field: string, text: string): string | null => {
		const complaint = validate(request, field, text);
		if (!complaint) return null;
		switch (complaint.key) {
			case 'validate.low':
				return t(complaint.key, { min: complaint.bytes ? bytes(complaint.min) : complaint.min });
			case 'validate.high':
				return t(complaint.key, { max: complaint.bytes ? bytes(complaint.max) : complaint.max });
			case 'validate.short':
				return t(complaint.key, { min: complaint.min });
			case 'validate.long':
				return t(complaint.key, { max: complaint.max });
			default:
				return t(complaint.key);
		}
	};
}

interface Common {
	label: string;
	help?: ReactNode;
	/** Name of the schema of the request and of the field in it. */
	request: string;
	name: string;
	error?: unknown;
}

function Help({ id, complaint, help }: { id: string; complaint: string | null; help?: ReactNode }) {
	if (!complaint && !help) return null;
	return (
		<FormHelperText>
			<HelperText id={id} aria-live="polite">
				<HelperTextItem variant={complaint ? 'error' : 'default'}>{complaint ?? help}</HelperTextItem>
			</HelperText>
		</FormHelperText>
	);
}

export function TextField(
	props: Common & {
		value: string;
		onChange: (value: string) => void;
		type?: 'text' | 'password' | 'number';
		required?: boolean;
		autoComplete?: string;
		placeholder?: string;
		complaint?: string | null;
	},
) {
	const id = useId();
	const [touched, setTouched] = useState(false);
	const complain = useComplaint();
	const problem = props.error ? asProblem(props.error) : null;
	const own = props.complaint ?? complain(props.request, props.name, props.value);
	const fromServer = problem && problem.field === props.name ? problem.detail : null;
	const shown = fromServer ?? (touched || props.value !== '' ? own : null);
	return (
		<FormGroup label={props.label} isRequired={props.required} fieldId={id}>
			<TextInput
				id={id}
				name={props.name}
				value={props.value}
				type={props.type ?? 'text'}
				isRequired={props.required}
				autoComplete={props.autoComplete ?? 'off'}
				placeholder={props.placeholder}
				validated={shown ? 'error' : 'default'}
				aria-describedby={`${id}-help`}
				onChange={(_event, value) => props.onChange(value)}
				onBlur={() => setTouched(true)}
			/>
			<Help id={`${id}-help`} complaint={shown} help={props.help} />
		</FormGroup>
	);
}

/** Text of several lines. What is wrong with it the caller knows, or the server says. */
export function AreaField(
	props: Common & { value: string; onChange: (value: string) => void; rows: number; complaint?: string | null; placeholder?: string },
) {
	const id = useId();
	const problem = props.error ? asProblem(props.error) : null;
	const shown = (problem && problem.field === props.name ? problem.detail : null) ?? props.complaint ?? null;
	return (
		<FormGroup label={props.label} fieldId={id}>
			<TextArea
				id={id}
				name={props.name}
				value={props.value}
				rows={props.rows}
				placeholder={props.placeholder}
				spellCheck={false}
				resizeOrientation="vertical"
				className="ingot-code"
				validated={shown ? 'error' : 'default'}
				aria-describedby={`${id}-help`}
				onChange={(_event, value) => props.onChange(value)}
			/>
			<Help id={`${id}-help`} complaint={shown} help={props.help} />
		</FormGroup>
	);
}

export function SelectField(
	props: Common & { value: string; onChange: (value: string) => void; options: { value: string; label: string }[]; required?: boolean },
) {
	const id = useId();
	const problem = props.error ? asProblem(props.error) : null;
	const shown = problem && problem.field === props.name ? problem.detail : null;
	return (
		<FormGroup label={props.label} isRequired={props.required} fieldId={id}>
			<FormSelect
				id={id}
				name={props.name}
				value={props.value}
				validated={shown ? 'error' : 'default'}
				aria-describedby={`${id}-help`}
				onChange={(_event, value) => props.onChange(value)}
			>
				{props.options.map((option) => (
					<FormSelectOption key={option.value} value={option.value} label={option.label} />
				))}
			</FormSelect>
			<Help id={`${id}-help`} complaint={shown} help={props.help} />
		</FormGroup>
	);
}
