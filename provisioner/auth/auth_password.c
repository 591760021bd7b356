/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Passwords are hashed with yescrypt by libxcrypt (crypt(5)), whose own default cost is taken. */
#include <crypt.h>

#include "auth/auth_priv.h"

#define METHOD "$y$"
/* Of nobody: to be as long about a user that there is not. The cost has to be the default's. */
#define NOBODYS_SETTING "$y$j9T$XJ8vQpKzF1Yb7TnLw2eRt0$"
#define WAITING_MAX 32
#define LANE "password"

/* What crypt() makes of it; NULL if it cannot. The caller frees. */
static char *hash_with(const char *password, const char *setting)
{
	struct crypt_data *data = new0(struct crypt_data, 1);
	const char *hash = crypt_rn(password, setting, data, (int)sizeof(*data));
	char *copy = xstrdup(hash);
	wipe(data, sizeof(*data));
	free(data);
	return copy;
}

static bool password_fits(const char *password, const char *hash)
{
	_cleanup_free_ char *made = hash_with(password, str_or(hash, NOBODYS_SETTING));
	return hash && made && strlen(made) == strlen(hash) && equal_constant_time(made, hash, strlen(hash));
}

void password_work_run(struct password_work *work)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	if (work->password)
		work->fits = password_fits(work->password, work->hash);
	if (work->new_password && crypt_gensalt_rn(METHOD, 0, NULL, 0, setting, (int)sizeof(setting)))
		work->new_hash = hash_with(work->new_password, setting);
}

struct password_work *password_work_free(struct password_work *work)
{
	if (!work)
		return NULL;
	char *const secrets[] = { work->password, work->new_password };
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
		if (secrets[i])
			wipe(secrets[i], strlen(secrets[i]));
		free(secrets[i]);
	}
	free(work->hash);
	free(work->new_hash);
	free(work);
	return NULL;
}

/* ---- on the work queue ---- */

struct password_job {
	struct auth *auth;
	struct password_work *work;
	loop_fn done;
	void *data;
};

static void job_run(void *data)
{
	struct password_job *job = data;
	password_work_run(job->work);
}

static void job_done(void *data)
{
	struct password_job *job = data;
	job->auth->hashing--;
	job->done(job->data);
	free(job);
}

int auth_password_work(struct auth *auth, struct password_work *work, loop_fn done, void *data, struct err *err)
{
	struct password_job *job = new0(struct password_job, 1);
	*job = (struct password_job){ .auth = auth, .work = work, .done = done, .data = data };
	if (auth->hashing < WAITING_MAX && loop_work(store_loop(auth->store), LANE, job_run, job_done, job) == 0) {
		auth->hashing++;
		return 0;
	}
	free(job);
	return err_set(err, ERR_BUSY, "too many passwords are being looked at; try again in a moment");
}
