/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the last screen says: what will be lost, and what will be done. */
#include <stdio.h>

#include "installer/screens.h"
#include "installer/words.h"
#include "schema/schema.h"

#define LABEL_WIDTH 22

/* ---- what will be lost ---- */

char *screen_disk_line(const struct screens *screens, unsigned i)
{
	const struct disk *disk = &screens->machine.disks.disks[i];
	const struct disk_content *content = &screens->machine.contents[i];
	const char *what = disk->in_use ? disk->use : content->pool ? content->pool : content->text;
	_cleanup_free_ char *size = bytes_format(disk->size_bytes);
	struct strbuf line = { 0 };

	strbuf_addf(&line, "/dev/%s, ", disk->name);
	if (disk->model)
		strbuf_addf(&line, "%s, ", disk->model);
	strbuf_addf(&line, "%s, ", size);
	if (disk->serial || disk->wwn)
		strbuf_addf(&line, "%s %s, ", disk->serial ? tr("serial") : "WWN", str_or(disk->serial, disk->wwn));
	if (content->unclear && !disk->in_use && !content->pool)
		strbuf_adds(&line, tr("unclear what is on it"));
	else if (str_equal(what, "empty"))
		strbuf_adds(&line, tr("empty"));
	else
		strbuf_addf(&line, "%s %s", tr("holding"), tr(what));
	return strbuf_take(&line);
}

/* As the provisioner takes them: whatever has an identity and is not the system's (docs/protocol.md, "Joining"). */
static bool goes_to_pool(const struct screens *screens, unsigned i)
{
	const struct disk *disk = &screens->machine.disks.disks[i];

	return !answers_keep(&screens->answers) && answers_has_node(&screens->answers) &&
	       answers_is(&screens->answers, ANSWER_NODE_DISKS, "pool") && !disk->in_use &&
	       (disk->serial || disk->wwn) && machine_find_disk(&screens->machine, &screens->answers) != (int)i;
}

char *screen_losses(const struct screens *screens)
{
	int system = machine_find_disk(&screens->machine, &screens->answers);
	_cleanup_free_ char *line = system < 0 ? NULL : screen_disk_line(screens, (unsigned)system);
	struct strbuf text = { 0 };
	unsigned count = 0;

	if (line && answers_keep(&screens->answers))
		strbuf_addf(&text, "%s %s; %s", tr("KEEPS THE STATE ON"), line, tr("its system is written anew"));
	else if (line)
		strbuf_addf(&text, "%s %s", tr("ERASES"), line);
	for (unsigned i = 0; i < screens->machine.disks.count; i++) {
		if (!goes_to_pool(screens, i))
			continue;
		if (count++ == 0)
			strbuf_addf(&text, "\n%s", tr("GIVES TO THE POOL, and all on it is lost:"));
		strbuf_addf(&text, "%s /dev/%s", count > 1 ? "," : "", screens->machine.disks.disks[i].name);
	}
	return text.len ? strbuf_take(&text) : xstrdup("");
}

/* ---- what will be done ---- */

/* What has a default that is of another role, or goes without saying, or stands above. */
static bool is_left_out(const struct answers *answers, enum answer answer)
{
	static const enum answer never[] = { ANSWER_DISK_SERIAL, ANSWER_DISK_WWN, ANSWER_DISK_ERASE,
					     ANSWER_DISK_STATE,	 ANSWER_LANGUAGE, ANSWER_FINISH };

	for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
		if (never[i] == answer)
			return true;
	}
	return answers_question(answer)->secret || (answer == ANSWER_NODE_DISKS && !answers_has_node(answers)) ||
	       (answer == ANSWER_NET_MODE && answers_is(answers, answer, "static")) ||
	       (answer == ANSWER_PROV_DHCP && answers_is(answers, answer, "server"));
}

/* Labels of the two networks are the same: which it is stands above them. */
static const char *group_of(enum answer answer)
{
	static const struct {
		const char *prefix, *title;
	} groups[] = { { "network.", "Network" }, { "provisioning.", "Provisioning network" } };

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (str_starts(answers_question(answer)->path, groups[i].prefix))
			return groups[i].title;
	}
	return NULL;
}

static void add_line(struct strbuf *text, enum answer answer, const char *value)
{
	const char *label = tr(answers_question(answer)->label), *shown = tr(screen_word(answer, value));
	size_t indent = group_of(answer) ? 2 : 0, width = indent + words_width(label);
	int padding = width < LABEL_WIDTH ? (int)(LABEL_WIDTH - width) : 0;
	/* Of "Node: joins a provisioner ..." the first word will do. */
	size_t len = str_equal(shown, value) ? strlen(shown) : strcspn(shown, ":");

	strbuf_addf(text, "%*s%s%*s %.*s\n", (int)indent, "", label, padding, "", (int)len, shown);
}

/* grouped: those of the two networks, or the others. */
static void add_answers(const struct screens *screens, bool grouped, struct strbuf *text)
{
	_cleanup_answers_ struct answers agreed = { 0 };
	const struct answers *answers = &agreed;
	int system = machine_find_disk(&screens->machine, &screens->answers);
	const char *kept = system < 0 ? NULL : screens->machine.contents[system].host_name, *last = NULL;

	screens_agreed(screens, &agreed);
	for (unsigned i = 0; i < ANSWER_COUNT; i++) {
		const char *value = answers_get(answers, (enum answer)i), *group = group_of((enum answer)i);

		if (i == ANSWER_HOST_NAME && answers_keep(answers) && kept)
			value = kept; /* so that one sees which host it is */
		else if (!answers_counts(answers, (enum answer)i))
			continue;
		if (!value || grouped != (group != NULL) || is_left_out(answers, (enum answer)i))
			continue;
		if (group && group != last)
			strbuf_addf(text, "%s\n", tr(group));
		last = group;
		add_line(text, (enum answer)i, value);
	}
}

char *screen_summary(const struct screens *screens)
{
	struct strbuf text = { 0 };

	add_answers(screens, false, &text);
	for (unsigned i = 0; i < screens->machine.disks.count; i++) {
		_cleanup_free_ char *line = goes_to_pool(screens, i) ? screen_disk_line(screens, i) : NULL;

		if (line)
			strbuf_addf(&text, "  %s\n", line);
	}
	add_answers(screens, true, &text);
	return text.len ? strbuf_take(&text) : xstrdup("");
}
