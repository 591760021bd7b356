/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drawn with newt: it knows serial terminals, needs no mouse and no locale, and is what Debian's own text interfaces are made
 * of. All that is shown and the way from screen to screen is in screens.c. */
#include "installer/tui.h"

#include <locale.h>
#include <stdio.h>

#include <newt.h>

#include "installer/join_check.h"
#include "installer/medium_clock.h"
#include "installer/screens.h"
#include "installer/words.h"
#include "schema/schema.h"

#define WIDTH 76
#define INNER (WIDTH - 2)
#define LABEL_WIDTH 22
#define LIST_HEIGHT_MAX 7
#define SUMMARY_HEIGHT_MIN 4
#define SUMMARY_REST 9 /* lines of a screen with a summary besides its text and the list */
#define KILL_LINE 0x15 /* ^U */
#define ENTRY_WIDTH (INNER - LABEL_WIDTH - 2)

enum way { WAY_BACK, WAY_NEXT, WAY_AGAIN };

struct drawn_row {
	newtComponent component;
	struct options options;
};
struct drawn {
	struct screens *screens;
	const struct screen *screen;
	newtComponent form, back, next, again, strength;
	struct drawn_row rows[ROWS_MAX];
};

static char *mutable(const char *text)
{
	return (char *)text; /* newt does not change it, but does not say so */
}

static void say(const char *title, const char *text)
{
	newtWinMessage(mutable(tr(title)), mutable(tr("OK")), mutable("%s"), text);
}

/* ---- one screen ---- */

/* What the entry will hold once the key was taken: newt asks before, and says nothing after. */
static char *after_key(const char *now, int key, size_t at)
{
	size_t len = strlen(now);

	at = MIN_OF(at, len);
	if (key == KILL_LINE)
		return xstrdup("");
	if (key == NEWT_KEY_BKSPC && at > 0)
		return xasprintf("%.*s%s", (int)at - 1, now, now + at);
	if (key >= ' ' && key < 0x7f)
		return xasprintf("%.*s%c%s", (int)at, now, key, now + at);
	return xstrdup(now);
}

static int show_strength(newtComponent entry, void *data, int key, int cursor)
{
	struct drawn *drawn = data;
	_cleanup_free_ char *password = after_key(newtEntryGetValue(entry), key, (size_t)cursor);
	unsigned bits = password_bits(password, answers_get(&drawn->screens->answers, ANSWER_HOST_NAME));
	_cleanup_free_ char *text = xasprintf("%-20s", *password ? tr(password_word(bits)) : "");

	newtLabelSetText(drawn->strength, text);
	wipe(password, strlen(password));
	return key;
}

static void draw_list(struct drawn *drawn, const struct row *row, struct drawn_row *ret, int top, int height)
{
	newtComponent list;

	if (row->kind == ROW_MARKS) {
		list = newtCheckboxTree(1, top, height, NEWT_FLAG_SCROLL);
		newtCheckboxTreeSetWidth(list, INNER - 1);
		for (unsigned i = 0; i < ret->options.count; i++)
			newtCheckboxTreeAddItem(list, ret->options.list[i].label, &ret->options.list[i],
						ret->options.list[i].chosen ? NEWT_FLAG_SELECTED : 0, NEWT_ARG_APPEND,
						NEWT_ARG_LAST);
	} else {
		list = newtListbox(1, top, height, NEWT_FLAG_RETURNEXIT | NEWT_FLAG_SCROLL);
		newtListboxSetWidth(list, INNER - 1);
		for (unsigned i = 0; i < ret->options.count; i++)
			newtListboxAppendEntry(list, ret->options.list[i].label, &ret->options.list[i]);
		for (unsigned i = 0; i < ret->options.count; i++) {
			if (ret->options.list[i].chosen)
				newtListboxSetCurrent(list, (int)i);
		}
	}
	ret->component = list;
}

static void draw_entry(struct drawn *drawn, const struct row *row, struct drawn_row *ret, int top)
{
	const char *label = row->answer == ANSWER_COUNT ? "The same again" : answers_question(row->answer)->label;
	int flags = NEWT_FLAG_SCROLL | (row->kind == ROW_SECRET ? NEWT_FLAG_PASSWORD : 0);

	newtFormAddComponent(drawn->form, newtLabel(1, top, tr(label)));
	ret->component = newtEntry(LABEL_WIDTH, top, row_value(drawn->screens, row), ENTRY_WIDTH, NULL, flags);
	if (row->answer != ANSWER_ADMIN_PASSWORD)
		return;
	drawn->strength = newtLabel(LABEL_WIDTH, top + 1, "");
	newtFormAddComponent(drawn->form, drawn->strength);
	newtEntrySetFilter(ret->component, show_strength, drawn);
}

static int row_height(const struct row *row, const struct drawn_row *drawn)
{
	if (row->kind == ROW_TEXT || row->kind == ROW_SECRET)
		return row->answer == ANSWER_ADMIN_PASSWORD ? 2 : 1;
	return MAX_OF(1, MIN_OF((int)drawn->options.count, LIST_HEIGHT_MAX));
}

/* Above the rows: what is asked, and below it what only this moment knows. */
static char *screen_text(const struct screens *screens, enum screen_id id)
{
	const char *serial = row_value(screens, &screen_get(SCREEN_DISK)->rows[0]);
	_cleanup_free_ char *losses = screen_losses(screens);

	if (id == SCREEN_ERASE)
		return xasprintf("%s\n\n    %s\n\n%s", tr(screen_get(id)->text), serial, losses);
	if (id == SCREEN_SUMMARY)
		return xasprintf("%s\n%s", tr(screen_get(id)->text), losses);
	if (id == SCREEN_PROV && answers_is(&screens->answers, ANSWER_PROV_DHCP, "proxy"))
		return xstrdup(tr("Addresses for deployed hosts. The DHCP server there must not give them away."));
	return xstrdup(tr(screen_get(id)->text));
}

/* All that the terminal has left. */
static int summary_height(int top)
{
	int columns, lines;

	newtGetScreenSize(&columns, &lines);
	return MAX_OF(lines - SUMMARY_REST - (top - 2), SUMMARY_HEIGHT_MIN);
}

static void draw_buttons(struct drawn *drawn, enum screen_id id, int top)
{
	drawn->next = newtCompactButton(WIDTH - 22, top, tr(id == SCREEN_SUMMARY ? "Install" : "Next"));
	newtFormAddComponent(drawn->form, drawn->next);
	if (screen_back(drawn->screens, id) != id) {
		drawn->back = newtCompactButton(4, top, tr("Back"));
		newtFormAddComponent(drawn->form, drawn->back);
	}
	/* Disks are connected, and links come, while their list is shown. */
	if (id == SCREEN_DISK || id == SCREEN_PORT || id == SCREEN_PROV_PORT) {
		drawn->again = newtCompactButton(24, top, tr("Look again"));
		newtFormAddComponent(drawn->form, drawn->again);
	}
}

static void draw(struct drawn *drawn, enum screen_id id)
{
	_cleanup_free_ char *text = screen_text(drawn->screens, id), *summary = NULL;
	newtComponent box = newtTextboxReflowed(1, 1, text, INNER - 2, 0, 0, 0);
	int top = newtTextboxGetNumLines(box) + 2, height = top, list_height = summary_height(top);
	const struct screen *screen = drawn->screen;
	bool is_summary = id == SCREEN_SUMMARY;

	for (unsigned i = 0; i < screen->row_count; i++) {
		if (screen->rows[i].kind == ROW_CHOICE || screen->rows[i].kind == ROW_MARKS)
			screen_options(drawn->screens, &screen->rows[i], &drawn->rows[i].options);
		height += row_height(&screen->rows[i], &drawn->rows[i]) + 1;
	}
	height += is_summary ? list_height + 1 : 0;
	newtCenteredWindow(WIDTH, (unsigned)height + 3, tr(screen->title));
	drawn->form = newtForm(NULL, NULL, NEWT_FLAG_NOF12);
	newtFormAddComponent(drawn->form, box);
	for (unsigned i = 0; i < screen->row_count; i++) {
		const struct row *row = &screen->rows[i];

		if (row->kind == ROW_CHOICE || row->kind == ROW_MARKS)
			draw_list(drawn, row, &drawn->rows[i], top, row_height(row, &drawn->rows[i]));
		else
			draw_entry(drawn, row, &drawn->rows[i], top);
		newtFormAddComponent(drawn->form, drawn->rows[i].component);
		top += row_height(row, &drawn->rows[i]) + 1;
	}
	if (is_summary) {
		newtComponent list = newtTextbox(1, top, INNER - 1, list_height, NEWT_FLAG_SCROLL | NEWT_FLAG_WRAP);

		summary = screen_summary(drawn->screens);
		newtTextboxSetText(list, summary);
		newtFormAddComponent(drawn->form, list);
		top += list_height + 1;
	}
	draw_buttons(drawn, id, top + 1);
}

static void take_marks(struct drawn *drawn, unsigned i)
{
	const struct options *options = &drawn->rows[i].options;
	struct strbuf words = { 0 };

	for (unsigned k = 0; k < options->count; k++) {
		if (newtCheckboxTreeGetEntryValue(drawn->rows[i].component, &options->list[k]) ==
		    NEWT_CHECKBOXTREE_SELECTED)
			strbuf_addf(&words, "%s%s", words.len ? " " : "", options->list[k].value);
	}
	row_set(drawn->screens, &drawn->screen->rows[i], str_or(words.data, ""));
	strbuf_done(&words);
}

static void take(struct drawn *drawn)
{
	for (unsigned i = 0; i < drawn->screen->row_count; i++) {
		const struct row *row = &drawn->screen->rows[i];

		if (row->kind == ROW_MARKS) {
			take_marks(drawn, i);
		} else if (row->kind == ROW_CHOICE) {
			const struct option *option = newtListboxGetCurrent(drawn->rows[i].component);

			if (option)
				row_set(drawn->screens, row, option->value);
		} else {
			_cleanup_free_ char *text = xstrdup(newtEntryGetValue(drawn->rows[i].component));

			row_set(drawn->screens, row, text);
			wipe(text, strlen(text));
		}
	}
}

static enum way show(struct screens *screens, enum screen_id id)
{
	struct drawn drawn = { .screens = screens, .screen = screen_get(id) };
	newtComponent chosen;

	draw(&drawn, id);
	chosen = newtRunForm(drawn.form);
	/* Whichever way it goes: what was entered is not lost. */
	take(&drawn);
	newtFormDestroy(drawn.form);
	newtPopWindow();
	for (unsigned i = 0; i < ROWS_MAX; i++)
		options_done(&drawn.rows[i].options);
	if (drawn.again && chosen == drawn.again)
		return WAY_AGAIN;
	return drawn.back && chosen == drawn.back ? WAY_BACK : WAY_NEXT;
}

/* ---- progress ---- */

struct bar {
	newtComponent form, label, scale, rate;
};

static void open_bar(struct bar *bar, const char *title)
{
	newtCenteredWindow(WIDTH, 7, tr(title));
	bar->form = newtForm(NULL, NULL, NEWT_FLAG_NOF12);
	bar->label = newtLabel(2, 1, "");
	bar->scale = newtScale(2, 3, INNER - 2, 100);
	bar->rate = newtLabel(2, 5, "");
	newtFormAddComponents(bar->form, bar->label, bar->scale, bar->rate, NULL);
	newtDrawForm(bar->form);
	newtRefresh();
}

static void close_bar(struct bar *bar)
{
	newtFormDestroy(bar->form);
	newtPopWindow();
}

static void set_line(newtComponent label, const char *text)
{
	_cleanup_free_ char *padded = xasprintf("%-*s", INNER - 4, text);

	newtLabelSetText(label, padded);
}

static void move_bar(const struct job_progress *progress, void *ctx)
{
	static const struct {
		const char *step, *text;
	} steps[] = {
		{ "medium", "Checking the medium" },	 { "check", "Checking the disk" },
		{ "partition", "Making partitions" },	 { "write", "Writing the system" },
		{ "verify", "Reading it back" },	 { "identity", "Writing the configuration" },
		{ "loader", "Writing the boot loader" },
	};
	struct bar *bar = ctx;
	_cleanup_free_ char *speed = bytes_format(progress->bytes_per_s), *rate = NULL;
	const char *text = progress->step;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		text = str_equal(steps[i].step, progress->step) ? tr(steps[i].text) : text;
	if (progress->bytes_per_s)
		rate = xasprintf("%u %%   %s/s   %lld:%02lld %s", progress->percent, speed,
				 (long long)progress->left_s / 60, (long long)progress->left_s % 60, tr("left"));
	else
		rate = xasprintf("%u %%", progress->percent);
	set_line(bar->label, text);
	set_line(bar->rate, rate);
	newtScaleSet(bar->scale, progress->percent);
	newtRefresh();
}

/* ---- the way through ---- */

/* Whatever was connected, taken out or wiped meanwhile. What cannot be read is said, and stays as it was. */
static void look_at_disks(struct screens *screens)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct bar bar;
	int r;

	open_bar(&bar, "Looking at the disks");
	r = machine_read_disks(&screens->machine, &err);
	close_bar(&bar);
	if (r < 0)
		say(screen_get(SCREEN_DISK)->title, str_or(err.text, "failed"));
}

/* What the last screen says of the disks, and so what was agreed to. */
static char *agreed_to(const struct screens *screens)
{
	_cleanup_free_ char *losses = screen_losses(screens), *summary = screen_summary(screens);

	return xasprintf("%s\n%s", losses, summary);
}

/* Problems that only the machine and the network as a whole show, and disks that are not as they were shown. The screen to go to; SCREEN_COUNT if there is nothing. */
static enum screen_id last_look(struct screens *screens)
{
	_cleanup_problems_ struct problems problems = { 0 };
	_cleanup_free_ char *before = agreed_to(screens), *now = NULL;
	struct bar bar;

	look_at_disks(screens);
	for (unsigned id = 0; id < SCREEN_SUMMARY; id++) {
		_cleanup_free_ char *problem = screen_problem(screens, (enum screen_id)id);

		if (problem) {
			say(screen_get((enum screen_id)id)->title, problem);
			return (enum screen_id)id;
		}
	}
	now = agreed_to(screens);
	if (!str_equal(before, now)) {
		say(screen_get(SCREEN_SUMMARY)->title,
		    tr("The disks are not as they were shown: what will be lost has changed. Read it again."));
		return SCREEN_SUMMARY;
	}
	open_bar(&bar, "Looking at the network");
	answers_done(&screens->agreed);
	screens_agreed(screens, &screens->agreed);
	machine_probe(&screens->machine, &screens->agreed, &problems);
	free(screens->ca_pem);
	screens->ca_pem = NULL;
	if (problems.count == 0)
		join_check(&screens->machine, &screens->agreed, &screens->ca_pem, &problems);
	close_bar(&bar);
	if (problems.count == 0)
		return SCREEN_COUNT;
	say(screen_get(screen_of(problems.list[0].answer))->title, problems.list[0].text);
	return screen_of(problems.list[0].answer);
}

/* Asks until all is answered and confirmed. */
static void ask(struct screens *screens, enum screen_id id)
{
	while (id != SCREEN_COUNT) {
		_cleanup_free_ char *problem = NULL;
		enum way way;

		/* Cables are plugged in while screens are shown. */
		machine_read_nics(&screens->machine);
		if (id == SCREEN_DISK)
			look_at_disks(screens);
		way = show(screens, id);
		machine_read_nics(&screens->machine);
		words_language(answers_get(&screens->answers, ANSWER_LANGUAGE));
		if (way != WAY_NEXT) {
			id = way == WAY_BACK ? screen_back(screens, id) : id;
			continue;
		}
		problem = screen_problem(screens, id);
		if (problem)
			say(screen_get(id)->title, problem);
		else
			id = id == SCREEN_SUMMARY ? last_look(screens) : screen_next(screens, id);
	}
}

static int install(struct job *job, struct write_status *status, struct err *err)
{
	struct bar bar;
	int r;

	job->progress = move_bar;
	job->ctx = &bar;
	open_bar(&bar, "Installing");
	r = job_run(job, status, err);
	close_bar(&bar);
	job->ctx = NULL;
	return r;
}

static int ask_and_install(struct screens *screens, struct job *job, struct write_status *status, struct err *err)
{
	enum screen_id from = words_can_show("ko") ? SCREEN_LANGUAGE : SCREEN_ROLE;
	_cleanup_free_ char *clock = clock_check(job->medium, job->prefix);
	int r;

	if (clock)
		say("Time", clock);
	for (;;) {
		ask(screens, from);
		job->ca_pem = screens->ca_pem;
		r = install(job, status, err);
		if (r == 0)
			break;
		say("It went wrong", str_or(err->text, "failed"));
		write_status_done(status);
		machine_done(&screens->machine);
		r = machine_read(job->sysroot, &screens->machine, err);
		if (r < 0)
			return r;
		from = SCREEN_SUMMARY;
	}
	say("Installed", tr("The system is on the disk. Take the medium out; Enter restarts the machine."));
	return 0;
}

int tui_run(const struct job *given)
{
	struct screens screens = { 0 };
	struct job job = *given;
	struct write_status status = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *title = xasprintf("Ingot %s", job.medium->version);
	int r = machine_read(job.sysroot, &screens.machine, &err);

	if (r == 0) {
		job.answers = &screens.agreed;
		answers_set(&screens.answers, ANSWER_ROLE, "provisioner");
		answers_set(&screens.answers, ANSWER_LANGUAGE, "en");
		setlocale(LC_CTYPE, "");
		newtInit();
		newtCls();
		newtDrawRootText(0, 0, title);
		newtPushHelpLine("  <Tab> next field   <Space> marks   <Enter> chooses");
		r = ask_and_install(&screens, &job, &status, &err);
		newtFinished();
	}
	if (r == 0 && !*job.prefix)
		r = job_finish(&job, &err);
	if (r < 0)
		fprintf(stderr, "%s\n", str_or(err.text, "failed"));
	write_status_done(&status);
	screens_done(&screens);
	return r < 0 ? err_meaning(err.code)->exit_code : 0;
}
