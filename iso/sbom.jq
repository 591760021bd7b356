# SPDX-License-Identifier: GPL-3.0-or-later
# Lines "NAME VERSION IMAGE", sorted, to an SPDX 2.3 document in JSON. Arguments: version, created (ISO 8601), digest (of what is
# listed), bundle (SHA-256 of the bundle), ui (the parts of the dashboard: ui/tools/paperwork.mjs).
def id: gsub("[^A-Za-z0-9.-]"; "-");
def purl($locator): [{referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: $locator}];
# The folder is no other part's, so it tells parts with like names apart.
def of_dashboard: $ui[0] | map({
	name: .name,
	SPDXID: "SPDXRef-\(.licences | id)-\(.version | id)",
	versionInfo: .version,
	downloadLocation: "NOASSERTION",
	filesAnalyzed: false,
	licenseConcluded: "NOASSERTION",
	licenseDeclared: .licence,
	copyrightText: (.copyright // "NOASSERTION"),
	comment: "in: host (the dashboard); its licence is licences/dashboard/\(.licences)"
} + if .purl then {externalRefs: purl(.purl)} else {} end);
[inputs | split(" ") | {name: .[0], version: .[1], image: .[2]}] as $lines
| ($lines | group_by([.name, .version]) | map(.[0] + {images: (map(.image) | unique)})) as $packages
| {
	spdxVersion: "SPDX-2.3",
	dataLicense: "CC0-1.0",
	SPDXID: "SPDXRef-DOCUMENT",
	name: "ingot-\($version)",
	documentNamespace: "https://spdx.org/spdxdocs/ingot-\($version)-\($digest)",
	creationInfo: {created: $created, creators: ["Tool: ingot-iso-\($version)"]},
	documentDescribes: ["SPDXRef-ingot"],
	packages: ([{
		name: "ingot",
		SPDXID: "SPDXRef-ingot",
		versionInfo: $version,
		downloadLocation: "NOASSERTION",
		filesAnalyzed: false,
		licenseConcluded: "GPL-3.0-or-later",
		licenseDeclared: "GPL-3.0-or-later",
		copyrightText: "NOASSERTION",
		comment: "host.bundle has the SHA-256 \($bundle)"
	}] + ($packages | map({
		name: .name,
		SPDXID: "SPDXRef-deb-\(.name | id)-\(.version | id)",
		versionInfo: .version,
		supplier: "Organization: Debian",
		downloadLocation: "NOASSERTION",
		filesAnalyzed: false,
		licenseConcluded: "NOASSERTION",
		licenseDeclared: "NOASSERTION",
		copyrightText: "NOASSERTION",
		comment: "in: \(.images | join(", ")); its licence is licences/\(.name)/copyright",
		externalRefs: purl("pkg:deb/debian/\(.name | @uri)@\(.version | @uri)?arch=amd64&distro=debian-12")
	})) + of_dashboard),
	relationships: ([{
		spdxElementId: "SPDXRef-DOCUMENT",
		relationshipType: "DESCRIBES",
		relatedSpdxElement: "SPDXRef-ingot"
	}] + ($packages | map({
		spdxElementId: "SPDXRef-ingot",
		relationshipType: "CONTAINS",
		relatedSpdxElement: "SPDXRef-deb-\(.name | id)-\(.version | id)"
	})) + (of_dashboard | map({
		spdxElementId: "SPDXRef-ingot",
		relationshipType: "CONTAINS",
		relatedSpdxElement: .SPDXID
	})))
}
