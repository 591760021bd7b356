// SPDX-License-Identifier: GPL-3.0-or-later
// xterm.js writes <style> elements and style attributes, which the pages' policy (style-src 'self') refuses. It takes a document
// to make its elements with: this one gives it elements whose style text goes to a constructed style sheet, and whose style
// attribute goes through the CSSOM. Neither is inline style (CSP level 3, section 8.3).

/** An element in the place of a <style>: its text becomes a constructed sheet of the document. */
function styleHolder(owner: Document): HTMLElement {
	const element = owner.createElement('span');
	element.hidden = true;
	const sheet = new CSSStyleSheet();
	owner.adoptedStyleSheets = [...owner.adoptedStyleSheets, sheet];
	let text = '';
	Object.defineProperty(element, 'textContent', {
		get: () => text,
		set: (value: string) => {
			text = value;
			sheet.replaceSync(value);
		},
	});
	const remove = element.remove.bind(element);
	element.remove = () => {
		owner.adoptedStyleSheets = owner.adoptedStyleSheets.filter((each) => each !== sheet);
		remove();
	};
	return element;
}

export function documentWithoutInlineStyle(owner: Document): Document {
	const createElement = (name: string, options?: ElementCreationOptions): HTMLElement => {
		if (name.toLowerCase() === 'style') return styleHolder(owner);
		const element = owner.createElement(name, options);
		const setAttribute = element.setAttribute.bind(element);
		element.setAttribute = (attribute: string, value: string) => {
			if (attribute === 'style') element.style.cssText = value;
			else setAttribute(attribute, value);
		};
		return element;
	};
	return new Proxy(owner, {
		get: (target, property) => {
			if (property === 'createElement') return createElement;
			const value: unknown = Reflect.get(target, property, target);
			return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
		},
		set: (target, property, value) => Reflect.set(target, property, value, target),
	});
}
