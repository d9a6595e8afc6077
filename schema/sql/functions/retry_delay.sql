-- How long the attempt after this one waits: exponential, capped, less a random share of it.
create or replace function app.retry_delay(p_stage app.stages, p_attempt integer, p_throttled boolean)
returns interval
language sql volatile as $$
    select least(
        p_stage.retry_cap,
        p_stage.retry_base
            * least(power(p_stage.retry_factor, p_attempt - 1 + p_throttled::integer), 1e9)
    ) * (1 - p_stage.retry_jitter * random())
$$;
