// SPDX-License-Identifier: GPL-3.0-or-later
// What a screen throws ends that screen, not the page. Screens that cannot be loaded come here as well: after an update of the
// provisioner the files that an open page still knows of are gone.
import { Component, type ReactNode } from 'react';
import { Alert, Button } from '../pf';
import { Foreign } from './parts';
import { useWords } from './words';

function Fallen({ error }: { error: unknown }) {
	const { t } = useWords();
	return (
		<Alert
			variant="danger"
			isInline
			role="alert"
			className="ingot-fallen"
			title={t('fallen.title')}
			actionLinks={
				<Button variant="secondary" onClick={() => location.reload()}>
					{t('fallen.reload')}
				</Button>
			}
		>
			<p>{t('fallen.body')}</p>
			<p>
				<Foreign text={error instanceof Error ? error.message : String(error)} />
			</p>
		</Alert>
	);
}

/** at: where the person is; whoever goes elsewhere starts anew. */
export class ErrorBoundary extends Component<{ at?: string; children: ReactNode }, { fallen: { error: unknown } | null }> {
	override state: { fallen: { error: unknown } | null } = { fallen: null };

	static getDerivedStateFromError(error: unknown) {
		return { fallen: { error } };
	}

	override componentDidUpdate(before: { at?: string }) {
		if (this.state.fallen && before.at !== this.props.at) this.setState({ fallen: null });
	}

	override render() {
		return this.state.fallen ? <Fallen error={this.state.fallen.error} /> : this.props.children;
	}
}
